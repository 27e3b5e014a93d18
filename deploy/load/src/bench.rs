//! Starts the shops, measures each in turn, and prints the table of what was to be reached.
//!
//! A repetition measures every system once, each freshly set up and alone on the machine, so that a slow minute of the machine hits all
//! of them; figures are medians over the repetitions. Everything that is started here is ended here, also on Ctrl-C.

pub mod book;
pub mod ceiling;
pub mod figures;
pub mod five;
pub mod logins;
pub mod million;
pub mod peer;
pub mod postgres;
pub mod process;
pub mod stoa;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

use self::book::{Book, System};
use self::five::{Between, Five};
use self::peer::Peer;
use self::postgres::Postgres;
use self::stoa::Site;
use crate::measure::measure;
use crate::run::Plan;
use crate::scenario::{Scenario, Script};
use crate::shape::Shape;
use crate::shop::{Shop, Wanted, catalogue, prepare};
use crate::watch::{Watch, memory, settle};

const BROWSING: [Scenario; 4] = [Scenario::Detail, Scenario::List, Scenario::Search, Scenario::History];
const BUYING: [Scenario; 3] = [Scenario::CheckoutOne, Scenario::CheckoutHot, Scenario::CheckoutThree];
const STARTS: usize = 7;
/// How long a shop has idled when its idle memory is read: what it needed to start is given back by then, or never.
const IDLE: Duration = Duration::from_secs(30);
/// Products that are read once each for the uncached row.
const UNREAD_PRODUCTS: usize = 40_000;

/// What to measure, and where.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Our binary, of a release build.
    #[arg(long)]
    pub stoa: PathBuf,
    /// A peer's folder (it has a run.sh); without it the peer's column stays empty.
    #[arg(long)]
    pub peer: Option<PathBuf>,
    /// What the peer's run.sh is asked for.
    #[arg(long, default_value = "monolith")]
    pub peer_topology: String,
    /// A NATS server; with it the shop is measured as five processes too, over HTTP and gRPC, and the peer as microservices. Their binaries
    /// lie beside `stoa`.
    #[arg(long)]
    pub nats_server: Option<PathBuf>,
    /// Where databases and logs are put, on the disk to be measured; emptied before every use, but for the peer's copy.
    #[arg(long, default_value = "/var/tmp/stoa-bench")]
    pub place: PathBuf,
    /// Postgres' programs.
    #[arg(long, default_value = "/usr/lib/postgresql/15/bin")]
    pub postgres: PathBuf,
    /// How often every system is measured.
    #[arg(long, default_value_t = 3)]
    pub repeats: usize,
    /// How long each run lasts.
    #[arg(long, default_value_t = 4.0)]
    pub seconds: f64,
    /// Connections to measure with.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    pub connections: Vec<usize>,
    /// Only the scenarios that the table of figures needs.
    #[arg(long)]
    pub quick: bool,
    /// Only these systems; without it all.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<System>,
    /// Also walk to page 10,000 of this many products, on both engines (1000000; takes half an hour).
    #[arg(long, default_value_t = 0)]
    pub million: usize,
}

/// Measures everything into the book. What was measured before an error stays in it.
pub async fn bench(options: &Options, book: &mut Book) -> Result<()> {
    ensure!(options.stoa.is_file(), "no binary at {}", options.stoa.display());
    let stoa = options.stoa.canonicalize()?;
    let bench = Bench {
        options,
        stoa,
        wanted: Wanted {
            admin: Some(Site::admin()),
            ..Wanted::default()
        },
    };
    let is_wanted = |system| options.only.is_empty() || options.only.contains(&system);
    let peer = match options.peer.as_ref().filter(|_| is_wanted(System::Peer)) {
        Some(source) => {
            say("setting the peer up");
            Some(Peer::set_up(source, &options.place, &options.peer_topology).await?)
        }
        None => None,
    };
    let services = match (&options.peer, &options.nats_server) {
        (Some(source), Some(_)) if is_wanted(System::PeerServices) => {
            Some(Peer::set_up(source, &options.place, "micro").await?)
        }
        _ => None,
    };
    if let Some(nats_server) = &options.nats_server {
        Five::check(bench.binaries(), nats_server)?;
    }
    book.start_ms = stoa::start_ms(&bench.stoa, &bench.empty_place("starts")?, STARTS).await?;
    for repeat in 0..options.repeats.max(1) {
        say(&format!("repetition {} of {}", repeat + 1, options.repeats.max(1)));
        for system in [System::Sqlite, System::Postgres] {
            if is_wanted(system) {
                bench.ours(system, book).await?;
            }
        }
        if let Some(peer) = &peer {
            bench.theirs(peer, repeat == 0, book).await?;
        }
        if let Some(nats_server) = &options.nats_server {
            for (system, between) in [(System::FiveHttp, Between::Http), (System::FiveGrpc, Between::Grpc)] {
                if is_wanted(system) {
                    bench.five(system, between, nats_server, book).await?;
                }
            }
        }
        if let Some(services) = &services {
            bench.their_services(services, book).await?;
        }
    }
    bench.ceilings(book).await?;
    if options.million > 0 {
        for system in [System::Sqlite, System::Postgres] {
            if is_wanted(system) {
                bench.million(system, book).await?;
            }
        }
    }
    Ok(())
}

struct Bench<'a> {
    options: &'a Options,
    stoa: PathBuf,
    wanted: Wanted,
}

impl Bench<'_> {
    /// One system of ours: set up, restart, idle memory, load, memory under load, logins, reads that no cache helps.
    async fn ours(&self, system: System, book: &mut Book) -> Result<()> {
        let (site, postgres) = self.site(system).await?;
        let stoa = site.start().await?;
        let shop = prepare(&stoa.target, Shape::Stoa, &self.wanted).await?;
        // A new process, so that its memory knows nothing of the preparation's logins.
        drop(stoa);
        let stoa = site.start().await?;
        let mut shop = shop.moved_to(stoa.target.clone());
        let watches: Vec<Watch> = [stoa.watch()]
            .into_iter()
            .chain(postgres.as_ref().map(Postgres::watch))
            .collect();
        self.load(system, &mut shop, &watches, book).await?;
        book.storms
            .entry(system)
            .or_default()
            .push(logins::storm(&mut shop, self.storm_seconds(), &watches).await?);

        let unread = self.wanted.products..self.wanted.products + UNREAD_PRODUCTS;
        catalogue::import(&stoa.target, &self.wanted, unread.clone()).await?;
        shop.product_ids = catalogue::product_ids(&stoa.target, Shape::Stoa, UNREAD_PRODUCTS).await?;
        drop(stoa);
        let stoa = site.start().await?;
        let mut shop = shop.moved_to(stoa.target.clone());
        let watches: Vec<Watch> = [stoa.watch()]
            .into_iter()
            .chain(postgres.as_ref().map(Postgres::watch))
            .collect();
        self.measure(system, Scenario::DetailOnce, 16, &mut shop, &watches, book)
            .await
    }

    /// The shop as five processes: set up, restart, idle memory, what the price of a topology is read from.
    async fn five(&self, system: System, between: Between, nats_server: &Path, book: &mut Book) -> Result<()> {
        let place = self.empty_place("five")?;
        let postgres = Postgres::start(&self.options.postgres, &place).await?;
        let five = Five {
            binaries: self.binaries().to_owned(),
            nats_server: nats_server.canonicalize()?,
            place,
            database_url: postgres.url(),
            between,
        };
        let running = five.start().await?;
        let shop = prepare(&running.target, Shape::Stoa, &self.wanted).await?;
        drop(running);
        let running = five.start().await?;
        let mut shop = shop.moved_to(running.target.clone());
        let mut watches = running.watches();
        watches.push(postgres.watch());
        self.of_services(system, &mut shop, &watches, book).await
    }

    async fn their_services(&self, peer: &Peer, book: &mut Book) -> Result<()> {
        let running = peer.start(false, &[]).await?;
        let mut shop = prepare(&running.target(), Shape::Gin, &self.wanted).await?;
        drop(running);
        let running = peer.start(true, &[]).await?;
        self.of_services(System::PeerServices, &mut shop, &running.watches()?, book)
            .await
    }

    async fn of_services(&self, system: System, shop: &mut Shop, watches: &[Watch], book: &mut Book) -> Result<()> {
        sleep(IDLE).await;
        settle(watches).await?;
        let idle = application_mb(watches, false)?;
        book.idle_mb.entry(system).or_default().push(idle);
        let ours = system != System::PeerServices;
        for (scenario, connections) in [
            (Scenario::Detail, 16),
            (Scenario::DetailThrough, 16),
            (Scenario::CheckoutOne, 1),
            (Scenario::CheckoutOne, 64),
            (Scenario::CheckoutThree, 64),
        ] {
            if ours || scenario != Scenario::DetailThrough {
                self.measure(system, scenario, connections, shop, watches, book).await?;
            }
        }
        Ok(())
    }

    /// The folder of our binaries.
    fn binaries(&self) -> &Path {
        self.stoa.parent().unwrap_or(Path::new("."))
    }

    /// The peer: the same steps. Its passwords are bcrypt as it comes; for the logins it is started once with what we use.
    async fn theirs(&self, peer: &Peer, with_logins: bool, book: &mut Book) -> Result<()> {
        let running = peer.start(false, &[]).await?;
        let mut shop = prepare(&running.target(), Shape::Gin, &self.wanted).await?;
        drop(running);
        let running = peer.start(true, &[]).await?;
        self.load(System::Peer, &mut shop, &running.watches()?, book).await?;
        drop(running);
        if with_logins {
            let running = peer.start(false, &[("PASSWORD_HASH", "argon2id")]).await?;
            let mut shop = prepare(&running.target(), Shape::Gin, &self.wanted).await?;
            let storm = logins::storm(&mut shop, self.storm_seconds(), &running.watches()?).await?;
            book.storms.entry(System::Peer).or_default().push(storm);
        }
        Ok(())
    }

    async fn load(&self, system: System, shop: &mut Shop, watches: &[Watch], book: &mut Book) -> Result<()> {
        sleep(IDLE).await;
        settle(watches).await?;
        book.idle_mb
            .entry(system)
            .or_default()
            .push(application_mb(watches, false)?);
        for scenario in BROWSING.into_iter().chain(BUYING) {
            for &connections in &self.options.connections {
                if self.is_asked_for(scenario, shop) {
                    self.measure(system, scenario, connections, shop, watches, book).await?;
                }
            }
        }
        book.load_mb
            .entry(system)
            .or_default()
            .push(application_mb(watches, true)?);
        for &connections in &self.options.connections {
            if self.is_asked_for(Scenario::Login, shop) {
                self.measure(system, Scenario::Login, connections, shop, watches, book)
                    .await?;
            }
        }
        Ok(())
    }

    async fn measure(
        &self,
        system: System,
        scenario: Scenario,
        connections: usize,
        shop: &mut Shop,
        watches: &[Watch],
        book: &mut Book,
    ) -> Result<()> {
        say(&format!("{} {} over {connections}", system.name(), scenario.name()));
        let script = Script::new(scenario, shop).await?;
        // What is read once cannot be warmed up.
        let warm_up = if scenario == Scenario::DetailOnce { 0.0 } else { 1.0 };
        let plan = Plan::new(connections, self.options.seconds);
        let measured = measure(&shop.target, script, &plan, warm_up, watches).await?;
        book.runs
            .entry((system, scenario, connections))
            .or_default()
            .push(measured);
        Ok(())
    }

    async fn ceilings(&self, book: &mut Book) -> Result<()> {
        say("what the engines reach alone");
        let place = self.empty_place("ceiling")?;
        book.sqlite_ceiling = Some(ceiling::sqlite(&place, self.options.seconds).await?);
        let postgres = Postgres::start(&self.options.postgres, &place).await?;
        let seconds = std::time::Duration::from_secs_f64(self.options.seconds).as_secs();
        book.postgres_ceiling = Some(postgres.ceiling(&place, seconds).await?);
        Ok(())
    }

    async fn million(&self, system: System, book: &mut Book) -> Result<()> {
        say(&format!("{} products on {}", self.options.million, system.name()));
        let (site, _postgres) = self.site(system).await?;
        let stoa = site.start().await?;
        let pages = million::deep_pages(&stoa.target, &self.wanted, self.options.million).await?;
        book.deep_pages.insert(system, pages);
        Ok(())
    }

    /// An empty directory, and an empty database where the system needs one.
    async fn site(&self, system: System) -> Result<(Site, Option<Postgres>)> {
        let place = self.empty_place("shop")?;
        let postgres = match system {
            System::Postgres => Some(Postgres::start(&self.options.postgres, &place).await?),
            _ => None,
        };
        let database_url = postgres.as_ref().map(Postgres::url);
        Ok((
            Site {
                binary: self.stoa.clone(),
                place,
                database_url,
            },
            postgres,
        ))
    }

    /// Every directory on the way is open to the user that Postgres runs as.
    fn empty_place(&self, name: &str) -> Result<PathBuf> {
        let place = self.options.place.join(name);
        if place.exists() {
            fs::remove_dir_all(&place).with_context(|| format!("cannot empty {}", place.display()))?;
        }
        fs::create_dir_all(&place)?;
        for directory in [&self.options.place, &place] {
            open_to_others(directory)?;
        }
        Ok(place)
    }

    fn is_asked_for(&self, scenario: Scenario, shop: &Shop) -> bool {
        let needed = matches!(
            scenario,
            Scenario::Detail | Scenario::CheckoutOne | Scenario::CheckoutHot
        );
        let known = scenario != Scenario::Search || shop.shape.search_path("").is_some();
        known && (needed || !self.options.quick)
    }

    fn storm_seconds(&self) -> f64 {
        self.options.seconds.max(12.0)
    }
}

fn open_to_others(directory: &Path) -> Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn application_mb(watches: &[Watch], peak: bool) -> Result<f64> {
    let mut sum = 0.0;
    for watch in watches.iter().filter(|watch| watch.name == "app") {
        let memory = memory(watch)?;
        sum += if peak {
            memory.peak_mb.context("no peak")?
        } else {
            memory.resident_mb
        };
    }
    Ok(sum)
}

/// Where the bench is, for whoever waits; the report alone goes to standard output.
fn say(what: &str) {
    eprintln!("bench: {what}");
}
