//! A service leaves the running shop, and comes back.

pub(crate) mod buyer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use platform_sql::testing::TestDatabase;
use platform_testing::{NatsServer, Outcome, Process, free_address, run};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::topologies::binary;
use crate::topologies::cluster::{CLIENTS, Service, common, url_setting};
use buyer::{Buyer, Door};

/// A shop in one process, and the place for services that leave it.
struct Shop {
    nats: NatsServer,
    database: TestDatabase,
    files: TempDir,
    /// Where each process is, from now on and for ever.
    door: SocketAddr,
    admin: SocketAddr,
    rest: SocketAddr,
    places: BTreeMap<Service, SocketAddr>,
    stoa: Option<Process>,
    moved: BTreeMap<Service, Process>,
}

pub(crate) type Settings = Vec<(&'static str, String)>;

impl Shop {
    /// None, after saying so, where NATS or Postgres are not to be had.
    async fn open() -> Option<Self> {
        let (nats, database) = (NatsServer::start().await?, TestDatabase::postgres().await?);
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("clients.json"), CLIENTS).unwrap();
        let mut shop = Self {
            nats,
            database,
            files,
            door: free_address(),
            admin: free_address(),
            rest: free_address(),
            places: Service::ALL
                .into_iter()
                .map(|service| (service, free_address()))
                .collect(),
            stoa: None,
            moved: BTreeMap::new(),
        };
        shop.start(&[]).await;
        Some(shop)
    }

    fn common(&self) -> Settings {
        let mut settings = common(&self.files.path().join("clients.json"));
        settings.push(("NATS_URL", self.nats.url()));
        settings
    }

    fn url(&self, service: Service) -> String {
        format!("http://{}", self.places[&service])
    }

    fn data(&self) -> PathBuf {
        self.files.path().join("stoa")
    }

    /// The settings of `stoa` when some services are elsewhere.
    fn settings(&self, elsewhere: &[Service]) -> Settings {
        let mut settings = self.common();
        settings.push(("DATA_DIR", self.data().to_str().unwrap().to_owned()));
        settings.push(("SERVICES_LISTEN_ADDR", self.rest.to_string()));
        settings.push(("LISTEN_ADDR", self.door.to_string()));
        settings.push(("ADMIN_LISTEN_ADDR", self.admin.to_string()));
        settings.extend(elsewhere.iter().map(|&it| (url_setting(it), self.url(it))));
        settings
    }

    async fn start(&mut self, elsewhere: &[Service]) {
        let settings = self.settings(elsewhere);
        let process = Process::launch_on(self.door, &binary("stoa"), &["serve"], &borrowed(&settings));
        self.stoa = Some(process.ready().await);
    }

    async fn kill(&mut self) {
        self.stoa.take().unwrap().kill().await;
    }

    fn to(&self) -> String {
        self.database.server().url.clone()
    }

    /// The command, as an operator types it beside a shop that was started with services elsewhere.
    fn command(
        &self,
        service: Service,
        more: &[&str],
        elsewhere: &[Service],
    ) -> impl Future<Output = Outcome> + Send + use<> {
        let (to, url, settings) = (self.to(), self.url(service), self.settings(elsewhere));
        let mut arguments: Vec<String> = ["extract", service.name(), "--to", &to, "--url", &url]
            .map(str::to_owned)
            .into();
        arguments.extend(more.iter().map(|&it| it.to_owned()));
        async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run(&binary("stoa"), &arguments, &borrowed(&settings)).await
        }
    }

    /// The same with an address of one's own.
    async fn command_to(&self, service: Service, url: &str) -> Outcome {
        let (to, settings) = (self.to(), self.settings(&[]));
        let arguments = ["extract", service.name(), "--to", &to, "--url", url];
        run(&binary("stoa"), &arguments, &borrowed(&settings)).await
    }

    /// Waits until the schema is claimed for the filling: now its process may be started.
    async fn claimed(&self, service: Service) {
        let give_up = Instant::now() + Duration::from_secs(20);
        let schema = self.database.open(service.name()).await;
        while !schema.is_being_filled().await.unwrap() {
            assert!(Instant::now() < give_up, "{} is not being filled", service.name());
            sleep(Duration::from_millis(5)).await;
        }
        schema.close().await;
    }

    /// Starts the process of a service, which finds its neighbours where they are by then.
    fn launch(&mut self, service: Service) {
        let mut settings = self.common();
        settings.push(("DATABASE_URL", self.to()));
        for &neighbour in service.calls() {
            let is_moved = self.moved.contains_key(&neighbour);
            let stays = format!("http://{}", self.rest);
            settings.push((
                url_setting(neighbour),
                if is_moved { self.url(neighbour) } else { stays },
            ));
        }
        let process = Process::launch_on(
            self.places[&service],
            &service.binary(),
            &["serve"],
            &borrowed(&settings),
        );
        self.moved.insert(service, process);
    }

    /// Takes a service out as the README says.
    async fn extract(&mut self, service: Service) {
        let command = tokio::spawn(self.command(service, &[], &[]));
        self.claimed(service).await;
        self.launch(service);
        let said = command.await.unwrap();
        assert!(
            said.status.success(),
            "{}: {}{}",
            service.name(),
            said.stdout,
            said.stderr
        );
        eprintln!("{}", said.stdout);
    }

    fn door(&self) -> Door {
        Door::at(self.door)
    }
}

pub(crate) fn borrowed(settings: &Settings) -> Vec<(&str, &str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_leaves_the_open_shop_and_no_order_is_lost_or_doubled() {
    let Some(mut shop) = Shop::open().await else { return };
    let door = shop.door();
    let session = door.register("ada@shop.example").await;
    let product = door.put_on_sale(5_000).await;
    let buyer = Buyer::begin(&door, &session, &product);
    for service in [Service::Product, Service::Order, Service::User, Service::Auth] {
        shop.extract(service).await;
        buyer.buys(20).await;
    }
    let bought = buyer.end().await;
    let books = run(
        &binary("stoa"),
        &["reconcile"],
        &borrowed(&shop.settings(&Service::ALL)),
    )
    .await;
    assert!(books.status.success(), "{}{}", books.stdout, books.stderr);
    assert!(
        books.stdout.contains(&format!("{} orders", bought.len())),
        "{}",
        books.stdout
    );
    // Nobody was signed out, and a session goes on where it now lives.
    let session = door.refresh(&session).await;
    door.assert_that_all_is_there(&session, &product, 5_000, &bought).await;

    // The file never sells again.
    shop.stoa.take().unwrap().terminate().await;
    let refused = run(&binary("stoa"), &["serve"], &borrowed(&shop.settings(&[]))).await;
    assert!(!refused.status.success());
    assert!(refused.stderr.contains("_SERVICE_URL"), "{}", refused.stderr);
    shop.start(&Service::ALL).await;
    door.assert_that_all_is_there(&session, &product, 5_000, &bought).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_comes_back_as_long_as_nothing_was_written_there() {
    let Some(mut shop) = Shop::open().await else { return };
    let door = shop.door();
    let session = door.register("ada@shop.example").await;
    let product = door.put_on_sale(100).await;

    shop.extract(Service::Order).await;
    let early = shop.command(Service::Order, &["--back"], &[]).await;
    assert!(early.stderr.contains("still runs"), "{}", early.stderr);
    shop.moved.remove(&Service::Order).unwrap().kill().await;
    let back = shop.command(Service::Order, &["--back"], &[]).await;
    assert!(back.status.success(), "{}", back.stderr);
    let bought = door.buy(&session, &product, &["one", "two"]).await;

    // It can leave again, and once it has sold there it stays there.
    shop.extract(Service::Order).await;
    let more = door.buy(&session, &product, &["three"]).await;
    shop.moved.remove(&Service::Order).unwrap().kill().await;
    let late = shop.command(Service::Order, &["--back"], &[]).await;
    assert!(late.stderr.contains("differs"), "{}", late.stderr);
    shop.launch(Service::Order);
    let all = bought.into_iter().chain(more).collect();
    door.assert_that_all_is_there(&session, &product, 100, &all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_breaks_the_command_off_while_it_waits_has_moved_nothing() {
    let Some(mut shop) = Shop::open().await else { return };
    let door = shop.door();
    let session = door.register("ada@shop.example").await;
    let product = door.put_on_sale(10).await;
    let command = tokio::spawn(shop.command(Service::Order, &[], &[]));
    shop.claimed(Service::Order).await;
    sleep(Duration::from_secs(1)).await;
    // Ends the program as Ctrl-C does.
    command.abort();
    sleep(Duration::from_secs(1)).await;
    shop.launch(Service::Order);
    sleep(Duration::from_secs(2)).await;
    let schema = shop.database.open("order").await;
    assert!(schema.is_being_filled().await.unwrap(), "nobody wanted it any more");
    schema.close().await;
    let mut bought = door.buy(&session, &product, &["here"]).await;
    let again = shop.command(Service::Order, &[], &[]).await;
    assert!(again.status.success(), "{}", again.stderr);
    bought.extend(door.buy(&session, &product, &["there"]).await);
    door.assert_that_all_is_there(&session, &product, 10, &bought).await;
}

/// It is handed over all the same: two owners would be worse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_address_is_told_and_mended_by_the_same_command_with_another() {
    let Some(mut shop) = Shop::open().await else { return };
    let door = shop.door();
    let session = door.register("ada@shop.example").await;
    let right = shop.places[&Service::User];
    shop.places.insert(Service::User, free_address());
    let command = tokio::spawn(shop.command(Service::User, &[], &[]));
    shop.claimed(Service::User).await;
    shop.places.insert(Service::User, right);
    shop.launch(Service::User);
    let told = command.await.unwrap();
    assert!(!told.status.success());
    assert!(told.stderr.contains("another --url"), "{}", told.stderr);
    assert_eq!(door.status("/api/users/me", &session).await, 503);
    let mended = shop.command(Service::User, &[], &[]).await;
    assert!(mended.status.success(), "{}", mended.stderr);
    assert_eq!(door.get("/api/users/me", &session).await["name"], "Ada");
    let nowhere = shop.command_to(Service::Order, "http://no-such-host.invalid:1").await;
    assert!(nowhere.stderr.contains("has no address"), "{}", nowhere.stderr);
}

/// Whatever moment it is killed at: the shop is as it was, or says what to set, and the same command goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_an_extraction_is_undone_or_finished() {
    let Some(mut shop) = Shop::open().await else { return };
    let door = shop.door();
    let session = door.register("ada@shop.example").await;
    let product = door.put_on_sale(5_000).await;
    let buyer = Buyer::begin(&door, &session, &product);
    let mut elsewhere = Vec::new();
    for after in (0..).map(|step| Duration::from_millis(40 * step)) {
        let command = tokio::spawn(shop.command(Service::Product, &[], &[]));
        if !shop.moved.contains_key(&Service::Product) {
            shop.claimed(Service::Product).await;
            shop.launch(Service::Product);
        }
        sleep(after).await;
        let is_done = command.is_finished();
        shop.kill().await;
        command.await.unwrap();
        let settings = shop.settings(&[]);
        let stoa = Process::launch_on(shop.door, &binary("stoa"), &["serve"], &borrowed(&settings));
        if let Some(stoa) = stoa.ready_or_ended().await {
            assert!(!is_done, "the file sells although it was handed over");
            shop.stoa = Some(stoa);
            buyer.buys(5).await;
            continue;
        }
        // It was decided: the rest is done by the same command, whether it was done before or not.
        let finished = shop.command(Service::Product, &[], &[Service::Product]).await;
        assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
        elsewhere.push(Service::Product);
        shop.start(&elsewhere).await;
        break;
    }
    buyer.buys(20).await;
    let bought = buyer.end().await;
    door.assert_that_all_is_there(&session, &product, 5_000, &bought).await;
}

/// Before anything is moved, an operator hears what is missing.
#[tokio::test]
async fn what_must_be_set_before_is_said_before() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let server = database.server();
    let data = tempfile::tempdir().unwrap();
    let (door, admin) = (free_address(), free_address());
    let settings = vec![
        ("DATA_DIR", data.path().to_str().unwrap().to_owned()),
        ("LISTEN_ADDR", door.to_string()),
        ("ADMIN_LISTEN_ADDR", admin.to_string()),
    ];
    let shop = Process::launch_on(door, &binary("stoa"), &["serve"], &borrowed(&settings))
        .ready()
        .await;
    let extract = async |arguments: &[&str]| {
        let arguments = [&["extract"], arguments].concat();
        let said = run(&binary("stoa"), &arguments, &borrowed(&settings)).await;
        assert!(!said.status.success());
        said.stderr
    };
    let complaint = extract(&["product", "--to", &server.url, "--url", "http://127.0.0.1:1"]).await;
    assert!(complaint.contains("NATS_URL"), "{complaint}");
    let complaint = extract(&["product", "--to", "mysql://there", "--url", "http://127.0.0.1:1"]).await;
    assert!(complaint.contains("--to"), "{complaint}");
    let complaint = extract(&["basket", "--to", &server.url, "--url", "http://127.0.0.1:1"]).await;
    assert!(complaint.contains("auth, user, product, order"), "{complaint}");
    assert!(shop.terminate().await.success());
}
