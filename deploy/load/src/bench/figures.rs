//! The table of figures to reach, filled in.

use super::book::{Book, System};
use super::million::DeepPage;
use crate::measure::Measured;
use crate::report::{median, number, table};
use crate::scenario::Scenario;

/// What a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// Ours at most so many times the peer's.
    OfPeer(f64),
    /// For reading beside the others.
    Printed,
}

#[derive(Clone, Debug)]
struct Figure {
    name: String,
    goal: Goal,
    ours: Option<f64>,
    peer: Option<f64>,
}

impl Figure {
    fn new(name: impl Into<String>, goal: Goal, ours: Option<f64>, peer: Option<f64>) -> Self {
        Self {
            name: name.into(),
            goal,
            ours,
            peer,
        }
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.ours? / self.peer.filter(|peer| *peer > 0.0)?)
    }

    fn verdict(&self) -> &'static str {
        let met = match self.goal {
            Goal::AtMost(most) => self.ours.map(|ours| ours <= most),
            Goal::AtLeast(least) => self.ours.map(|ours| ours >= least),
            Goal::OfPeer(share) => self.ratio().map(|ratio| ratio <= share),
            Goal::Printed => None,
        };
        match met {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        }
    }

    fn row(&self) -> Vec<String> {
        let goal = match self.goal {
            Goal::AtMost(most) => format!("<= {most}"),
            Goal::AtLeast(least) => format!(">= {least}"),
            Goal::OfPeer(share) => format!("<= {share} of the peer's"),
            Goal::Printed => String::new(),
        };
        let shown = |value: Option<f64>| value.map_or_else(String::new, number);
        let verdict = self.verdict().to_owned();
        vec![
            self.name.clone(),
            goal,
            shown(self.ours),
            shown(self.peer),
            shown(self.ratio()),
            verdict,
        ]
    }
}

/// The table: figure, to reach, ours, peer, ratio, met.
pub fn table_of(book: &Book) -> String {
    let mut figures = Vec::new();
    figures.push(Figure::new(
        "start to ready in an empty directory, ms",
        Goal::AtMost(300.0),
        median(book.start_ms.iter().copied()),
        None,
    ));
    memory(book, &mut figures);
    checkouts_on_sqlite(book, &mut figures);
    on_postgres(book, &mut figures);
    five_processes(book, &mut figures);
    logins(book, &mut figures);
    deep_pages(book, &mut figures);
    // A figure with a goal stays in view when it was not measured.
    figures.retain(|figure| figure.goal != Goal::Printed || figure.ours.is_some() || figure.peer.is_some());
    let head = ["figure", "to reach", "ours", "peer", "ratio", "met"].map(str::to_owned);
    let rows: Vec<Vec<String>> = figures.iter().map(Figure::row).collect();
    table(&head, &rows)
}

fn memory(book: &Book, figures: &mut Vec<Figure>) {
    let idle = |system| median(book.idle_mb.get(&system)?.iter().copied());
    let load = |system| median(book.load_mb.get(&system)?.iter().copied());
    for system in [System::Sqlite, System::Postgres] {
        let engine = engine(system);
        let peer = (system == System::Postgres).then_some(System::Peer);
        let name = format!("memory idle, 1,000 products, {engine}, MB");
        figures.push(Figure::new(name, Goal::AtMost(40.0), idle(system), peer.and_then(idle)));
        let name = format!("memory under load without logins (peak), {engine}, MB");
        figures.push(Figure::new(name, Goal::AtMost(96.0), load(system), peer.and_then(load)));
    }
}

fn checkouts_on_sqlite(book: &Book, figures: &mut Vec<Figure>) {
    for (scenario, what) in [
        (Scenario::CheckoutOne, "one of 1,000"),
        (Scenario::CheckoutHot, "hot product"),
        (Scenario::CheckoutThree, "three"),
    ] {
        let goals = if scenario == Scenario::CheckoutThree {
            [Goal::Printed; 2]
        } else {
            [Goal::AtLeast(600.0), Goal::AtMost(150.0)]
        };
        let rate = book.run(System::Sqlite, scenario, 64, |run| run.outcome.per_second());
        figures.push(Figure::new(
            format!("checkouts a second, SQLite, 64 clients, {what}"),
            goals[0],
            rate,
            None,
        ));
        let p99 = book.run(System::Sqlite, scenario, 64, |run| run.outcome.quantile_ms(0.99));
        figures.push(Figure::new(format!("their p99, {what}, ms"), goals[1], p99, None));
    }
    let grouped = book.sqlite_ceiling.map(|ceiling| ceiling.grouped);
    let single = book.sqlite_ceiling.map(|ceiling| ceiling.single);
    let name = "SQLite alone, groups of 64, units a second (a checkout is three)";
    figures.push(Figure::new(name, Goal::Printed, grouped, None));
    figures.push(Figure::new(
        "SQLite alone, one commit each",
        Goal::Printed,
        single,
        None,
    ));
}

fn on_postgres(book: &Book, figures: &mut Vec<Figure>) {
    let pair = |scenario, connections| {
        let cpu = |system| book.run(system, scenario, connections, Measured::cpu_ms_each_of_all);
        (cpu(System::Postgres), cpu(System::Peer))
    };
    let (ours, peer) = pair(Scenario::Detail, 16);
    figures.push(Figure::new(
        "product detail, 16 connections, app + db CPU ms",
        Goal::OfPeer(0.4),
        ours,
        peer,
    ));
    let uncached = book.run(System::Postgres, Scenario::DetailOnce, 16, Measured::cpu_ms_each_of_all);
    figures.push(Figure::new(
        "the same uncached, each product read once",
        Goal::Printed,
        uncached,
        peer,
    ));
    for (scenario, what, share) in [
        (Scenario::CheckoutOne, "one of 1,000", Some(0.9)),
        (Scenario::CheckoutHot, "hot product", Some(0.4)),
        (Scenario::CheckoutThree, "three", None),
    ] {
        for connections in [64, 16, 1] {
            let goal = share.filter(|_| connections == 64).map_or(Goal::Printed, Goal::OfPeer);
            let (ours, peer) = pair(scenario, connections);
            let name = format!("checkout, {what}, {connections} at once, app + db CPU ms");
            figures.push(Figure::new(name, goal, ours, peer));
        }
    }
    for (scenario, what) in [
        (Scenario::CheckoutOne, "one of 1,000"),
        (Scenario::CheckoutHot, "hot product"),
    ] {
        let rate = |system| book.run(system, scenario, 64, |run| run.outcome.per_second());
        let name = format!("checkouts a second, Postgres, 64 clients, {what}");
        figures.push(Figure::new(
            name,
            Goal::Printed,
            rate(System::Postgres),
            rate(System::Peer),
        ));
    }
    let name = "Postgres alone, pgbench simple update, 64 clients, transactions a second";
    figures.push(Figure::new(name, Goal::Printed, book.postgres_ceiling, None));
}

fn five_processes(book: &Book, figures: &mut Vec<Figure>) {
    if !book.idle_mb.contains_key(&System::FiveHttp) {
        return;
    }
    let cpu = |system, scenario, connections| book.run(system, scenario, connections, Measured::cpu_ms_each_of_all);
    let peer = |scenario, connections| cpu(System::PeerServices, scenario, connections);
    let theirs = peer(Scenario::Detail, 16);
    for (scenario, what, share) in [
        (Scenario::DetailThrough, "not kept at the gateway", 0.5),
        (Scenario::Detail, "kept at the gateway", 0.15),
    ] {
        let name = format!("five processes: product detail, {what}, 16 connections, app + db CPU ms");
        figures.push(Figure::new(
            name,
            Goal::OfPeer(share),
            cpu(System::FiveHttp, scenario, 16),
            theirs,
        ));
    }
    for (system, goals) in [(System::FiveHttp, true), (System::FiveGrpc, false)] {
        for (scenario, what, share) in [
            (Scenario::CheckoutOne, "one of 1,000", 0.6),
            (Scenario::CheckoutThree, "three", 0.4),
        ] {
            let goal = if goals { Goal::OfPeer(share) } else { Goal::Printed };
            let name = format!("{}: checkout, {what}, 64 at once, app + db CPU ms", system.name());
            figures.push(Figure::new(name, goal, cpu(system, scenario, 64), peer(scenario, 64)));
        }
        let idle = book.idle_mb.get(&system).and_then(|all| median(all.iter().copied()));
        let peer = book
            .idle_mb
            .get(&System::PeerServices)
            .and_then(|all| median(all.iter().copied()));
        let name = format!("{}: memory of all five, idle, MB", system.name());
        figures.push(Figure::new(name, Goal::AtMost(120.0), idle, peer));
    }
}

fn logins(book: &Book, figures: &mut Vec<Figure>) {
    for system in [System::Sqlite, System::Postgres] {
        let engine = engine(system);
        let peer = (system == System::Postgres).then_some(System::Peer);
        let mut figure = |name: &str, goal, value: fn(&super::logins::LoginStorm) -> f64| {
            let theirs = peer.and_then(|peer| book.storm(peer, value));
            figures.push(Figure::new(
                format!("{name}, {engine}"),
                goal,
                book.storm(system, value),
                theirs,
            ));
        };
        figure("64 logins at once: peak memory MB", Goal::AtMost(200.0), |storm| {
            storm.peak_mb
        });
        figure(
            "64 logins at once: p99 of details, times that without",
            Goal::AtMost(2.0),
            |storm| storm.p99_beside_ms / storm.p99_alone_ms,
        );
        figure("p99 of details beside 64 logins, ms", Goal::Printed, |storm| {
            storm.p99_beside_ms
        });
        figure("logins a second", Goal::Printed, |storm| storm.logins_per_second);
    }
}

fn deep_pages(book: &Book, figures: &mut Vec<Figure>) {
    for (system, pages) in &book.deep_pages {
        let worst = pages.iter().map(DeepPage::ratio).max_by(f64::total_cmp);
        let name = format!(
            "list page 10,000, times page 1, worst sort and filter, {}",
            engine(*system)
        );
        figures.push(Figure::new(name, Goal::AtMost(2.0), worst, None));
    }
}

fn engine(system: System) -> &'static str {
    match system {
        System::Sqlite => "SQLite",
        System::Postgres | System::FiveHttp | System::FiveGrpc => "Postgres",
        System::Peer | System::PeerServices => "peer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_peer_is_judged_by_the_ratio() {
        let figure = |ours, peer| Figure::new("cpu", Goal::OfPeer(0.4), Some(ours), peer);
        assert_eq!(figure(0.04, Some(0.1)).verdict(), "yes");
        assert_eq!(figure(0.05, Some(0.1)).verdict(), "NO");
        assert_eq!(figure(0.05, None).verdict(), "");
        assert_eq!(figure(0.05, None).row()[3..5], ["", ""]);
    }

    #[test]
    fn a_figure_that_was_not_measured_is_not_met() {
        assert_eq!(Figure::new("start", Goal::AtMost(300.0), None, None).verdict(), "");
        assert_eq!(
            Figure::new("start", Goal::AtMost(300.0), Some(301.0), None).verdict(),
            "NO"
        );
        assert_eq!(
            Figure::new("rate", Goal::AtLeast(600.0), Some(601.0), None).verdict(),
            "yes"
        );
    }

    #[test]
    fn the_table_stands_with_nothing_measured() {
        let text = table_of(&Book::default());
        assert!(text.contains("start to ready"));
        assert!(!text.contains("pgbench"), "nothing to print, no goal: {text}");
        assert!(!text.contains("NaN"));
    }
}
