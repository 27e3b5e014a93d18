//! Who is asked how often, in simulated time: minutes pass in a moment, and chance repeats.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use platform_clock::{Clock, ManualClock};
use platform_rpc::Outgoing;
use platform_rpc::balancer::{Balancer, NoEndpoint, Outcome, Tuning, Wanted};
use tokio::time::{Instant, sleep, timeout};

use crate::names::{Names, replicas};

const PATIENCE: Duration = Duration::from_millis(500);
const HARMLESS: Wanted = Wanted {
    not: None,
    may_probe: true,
};

/// What an endpoint does with a call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    /// Answers after about so long; one call in a hundred takes 50 ms longer.
    Answer(Duration),
    /// Says that it cannot.
    Refuse,
    /// Lets no connection through.
    NotListen,
    Nothing,
}

/// Some replicas of one neighbour.
#[derive(Clone)]
struct World {
    names: Names,
    does: Arc<Mutex<HashMap<IpAddr, Does>>>,
    asked: Arc<Mutex<HashMap<IpAddr, u32>>>,
    chance: Arc<ManualClock>,
    balancer: Balancer<IpAddr>,
}

impl World {
    /// So many replicas that answer within about 5 ms.
    async fn of(count: u8) -> Self {
        Self::tuned(count, Tuning::default()).await
    }

    async fn tuned(count: u8, tuning: Tuning) -> Self {
        let names = Names::default();
        names.set("goods", &replicas(count));
        let outgoing = Outgoing {
            tuning,
            ..names.outgoing()
        };
        let target = "http://goods:80".parse().unwrap();
        let world = Self {
            balancer: Balancer::new("goods", &target, &outgoing, |address| address.socket.ip()),
            names,
            does: Arc::default(),
            asked: Arc::default(),
            chance: Arc::default(),
        };
        for replica in replicas(9) {
            world.set(replica, Does::Answer(Duration::from_millis(5)));
        }
        world.balancer.pick(HARMLESS).await.unwrap();
        world
    }

    fn set(&self, replica: IpAddr, does: Does) {
        self.does.lock().unwrap().insert(replica, does);
    }

    fn set_all(&self, count: u8, does: Does) {
        for replica in replicas(count) {
            self.set(replica, does);
        }
    }

    /// One call; who was asked and how it ended.
    async fn call(&self, wanted: Wanted) -> Result<(IpAddr, Outcome), NoEndpoint> {
        let mut lease = self.balancer.pick(wanted).await?;
        let replica = *lease.service();
        *self.asked.lock().unwrap().entry(replica).or_default() += 1;
        let does = self.does.lock().unwrap()[&replica];
        let outcome = timeout(PATIENCE, self.behave(does)).await.unwrap_or(Outcome::Silent);
        lease.report(outcome);
        Ok((replica, outcome))
    }

    async fn behave(&self, does: Does) -> Outcome {
        match does {
            Does::Answer(usual) => {
                let hiccup = if self.chance.fraction() < 0.01 { 50 } else { 0 };
                sleep(usual.mul_f64(0.5 + self.chance.fraction()) + Duration::from_millis(hiccup)).await;
                Outcome::Answered
            }
            Does::Refuse => Outcome::Unable,
            Does::NotListen => Outcome::NotConnected,
            Does::Nothing => std::future::pending().await,
        }
    }

    /// So many calls a second for a time; how often each replica was asked.
    async fn load(&self, per_second: u32, time: Duration) -> HashMap<IpAddr, u32> {
        self.asked.lock().unwrap().clear();
        let end = Instant::now() + time;
        while Instant::now() < end {
            let world = self.clone();
            tokio::spawn(async move { world.call(HARMLESS).await });
            sleep(Duration::from_secs(1) / per_second).await;
        }
        self.asked.lock().unwrap().clone()
    }
}

/// The share of each replica, in percent.
fn shares(asked: &HashMap<IpAddr, u32>, count: u8) -> Vec<u32> {
    let all: u32 = asked.values().sum();
    let share = |replica| asked.get(&replica).copied().unwrap_or_default() * 100 / all;
    replicas(count).into_iter().map(share).collect()
}

#[tokio::test(start_paused = true)]
async fn equals_get_equal_shares_although_each_hiccups_now_and_then() {
    let world = World::of(3).await;
    for _ in 0..6 {
        let asked = world.load(200, Duration::from_secs(10)).await;
        let shares = shares(&asked, 3);
        assert!(shares.iter().all(|share| (27..=40).contains(share)), "{shares:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_replica_gets_its_share_within_ten_seconds_and_not_at_once() {
    let world = World::of(2).await;
    world.load(200, Duration::from_secs(20)).await;
    world.names.set("goods", &replicas(3));
    let first = world.load(200, Duration::from_secs(3)).await;
    let first = shares(&first, 3)[2];
    assert!((1..25).contains(&first), "it starts slowly: {first} %");
    world.load(200, Duration::from_secs(7)).await;
    let then = world.load(200, Duration::from_secs(10)).await;
    let then = shares(&then, 3)[2];
    assert!(then >= 27, "80 % of a third: {then} %");
}

#[tokio::test(start_paused = true)]
async fn a_replica_whose_address_is_gone_is_not_asked_any_more() {
    let world = World::of(3).await;
    world.names.set("goods", &replicas(2));
    sleep(Duration::from_secs(3)).await;
    let asked = world.load(200, Duration::from_secs(5)).await;
    assert_eq!(shares(&asked, 3)[2], 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_replica_is_asked_less() {
    let world = World::of(3).await;
    world.set(replicas(3)[2], Does::Answer(Duration::from_millis(100)));
    let asked = world.load(200, Duration::from_secs(20)).await;
    let share = shares(&asked, 3)[2];
    assert!((1..15).contains(&share), "{share} %");
}

#[tokio::test(start_paused = true)]
async fn of_three_a_blackholed_one_is_out_within_two_seconds_and_then_only_tried() {
    let world = World::of(3).await;
    world.load(200, Duration::from_secs(10)).await;
    let victim = replicas(3)[1];
    world.set(victim, Does::Nothing);
    world.load(200, Duration::from_secs(2)).await;
    let asked = world.load(200, Duration::from_mins(1)).await;
    assert!(
        (1..=12).contains(&asked[&victim]),
        "tried now and then: {}",
        asked[&victim]
    );
}

#[tokio::test(start_paused = true)]
async fn one_caller_alone_finds_out_within_two_seconds() {
    let world = World::of(2).await;
    let [healthy, victim] = replicas(2)[..] else {
        unreachable!()
    };
    world.set(victim, Does::Nothing);
    let unlucky = Wanted {
        not: Some(SocketAddr::new(healthy, 80)),
        may_probe: false,
    };
    let begun = Instant::now();
    while world.call(unlucky).await.is_ok() {}
    assert_eq!(begun.elapsed(), 3 * PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_answers_again_is_back_by_one_call_that_tries_it() {
    let world = World::of(3).await;
    let victim = replicas(3)[0];
    world.set(victim, Does::NotListen);
    world.load(200, Duration::from_secs(10)).await;
    world.set(victim, Does::Answer(Duration::from_millis(5)));
    world.load(200, Duration::from_secs(15)).await;
    let asked = world.load(200, Duration::from_secs(10)).await;
    let share = shares(&asked, 3)[0];
    assert!(share >= 27, "{share} %");
}

#[tokio::test(start_paused = true)]
async fn at_most_half_are_ejected_for_what_they_say() {
    let world = World::of(5).await;
    world.set_all(5, Does::Refuse);
    world.load(200, Duration::from_secs(1)).await;
    // Two are out. Each time they are tried they fail, and all the rest goes to the other three.
    let asked = world.load(200, Duration::from_secs(10)).await;
    let mut counts: Vec<u32> = asked.values().copied().collect();
    counts.sort_unstable();
    assert!(counts[1] < 20 && counts[2] > 400, "{counts:?}");
    assert!(world.balancer.availability().is_available());
}

#[tokio::test(start_paused = true)]
async fn where_nobody_listens_calls_fail_at_once_until_one_gets_through() {
    let world = World::of(3).await;
    let mut availability = world.balancer.availability();
    world.set_all(3, Does::NotListen);
    let asked = world.load(200, Duration::from_secs(20)).await;
    let tries: u32 = asked.values().sum();
    assert!(
        (9..60).contains(&tries),
        "{tries} of 4000 calls got as far as an endpoint"
    );
    assert_eq!(world.call(HARMLESS).await, Err(NoEndpoint::Broken));
    assert!(!availability.is_available());

    world.set_all(3, Does::Answer(Duration::from_millis(5)));
    let restored = tokio::spawn(async move { availability.restored().await });
    world.load(50, Duration::from_secs(10)).await;
    assert!(restored.is_finished(), "whoever waited for it heard of it");
    assert!(world.call(HARMLESS).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_replica_alone_is_asked_on_through_a_hiccup() {
    let world = World::of(1).await;
    world.set_all(1, Does::Nothing);
    world.load(200, Duration::from_millis(300)).await;
    world.set_all(1, Does::Answer(Duration::from_millis(5)));
    // Sixty calls end without an answer at nearly the same time.
    sleep(PATIENCE).await;
    assert_eq!(world.call(HARMLESS).await, Ok((replicas(1)[0], Outcome::Answered)));
}

#[tokio::test(start_paused = true)]
async fn a_silent_neighbour_breaks_the_circuit() {
    let world = World::of(1).await;
    world.set_all(1, Does::Nothing);
    world.load(20, Duration::from_secs(4)).await;
    assert_eq!(world.call(HARMLESS).await, Err(NoEndpoint::Broken));
}

#[tokio::test(start_paused = true)]
async fn a_call_with_effects_does_not_try_a_failing_endpoint_while_others_are_well() {
    let world = World::of(2).await;
    let victim = replicas(2)[0];
    world.set(victim, Does::NotListen);
    world.load(200, Duration::from_millis(200)).await;
    sleep(Duration::from_secs(1)).await;
    let with_effects = Wanted::default();
    for _ in 0..100 {
        assert_ne!(world.call(with_effects).await.unwrap().0, victim);
    }
    let tried = world.call(HARMLESS).await;
    assert_eq!(tried, Ok((victim, Outcome::NotConnected)));
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_are_capped_and_a_place_is_given_back() {
    let tuning = Tuning {
        in_flight: 2,
        ..Tuning::default()
    };
    let world = World::tuned(2, tuning).await;
    let mut leases = Vec::new();
    for _ in 0..4 {
        leases.push(world.balancer.pick(HARMLESS).await.unwrap());
    }
    assert_eq!(world.call(HARMLESS).await, Err(NoEndpoint::Busy));
    leases.pop();
    assert!(world.call(HARMLESS).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_name_without_an_address_is_nobody_until_it_has_one() {
    let names = Names::default();
    let target = "http://goods:80".parse().unwrap();
    let balancer = Balancer::new("goods", &target, &names.outgoing(), |address| address.socket);
    assert_eq!(balancer.pick(HARMLESS).await.err(), Some(NoEndpoint::Unknown));
    let mut availability = balancer.availability();
    names.set("goods", &replicas(1));
    timeout(Duration::from_secs(1), availability.restored()).await.unwrap();
    assert!(balancer.pick(HARMLESS).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_resolver_is_left_alone_once_nobody_holds_the_balancer() {
    let world = World::of(1).await;
    let held = Arc::strong_count(&world.does);
    drop(world.balancer);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(held, 1);
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}
