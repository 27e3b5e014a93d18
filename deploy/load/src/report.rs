//! Figures as Markdown tables.

use std::fmt::Write;

use crate::measure::Measured;
use crate::scenario::Scenario;

/// A Markdown table; the first column is to the left, the others to the right.
pub fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    push_row(&mut text, head);
    let rule: Vec<String> = (0..head.len())
        .map(|nth| if nth == 0 { "---" } else { "---:" }.to_owned())
        .collect();
    push_row(&mut text, &rule);
    for row in rows {
        push_row(&mut text, row);
    }
    text
}

fn push_row(text: &mut String, cells: &[String]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("writing to a String cannot fail");
}

/// The head of the rows that [`run_row`] makes for processes of these names.
pub fn run_head(names: &[String]) -> Vec<String> {
    let mut head: Vec<String> = ["scenario", "connections", "requests/s", "p50 ms", "p99 ms", "answers"]
        .map(str::to_owned)
        .to_vec();
    for name in names {
        head.push(format!("{name} CPU s/1,000"));
        head.push(format!("{name} MB"));
        head.push(format!("{name} peak MB"));
    }
    head
}

/// One measured run as a row.
pub fn run_row(scenario: Scenario, connections: usize, measured: &Measured) -> Vec<String> {
    let outcome = &measured.outcome;
    let mut row = vec![
        scenario.name().to_owned(),
        connections.to_string(),
        number(outcome.per_second()),
        number(outcome.quantile_ms(0.5)),
        number(outcome.quantile_ms(0.99)),
        answers(measured),
    ];
    for cost in &measured.costs {
        row.push(measured.cpu_ms_each(&cost.name).map_or_else(String::new, number));
        row.push(number(cost.memory.resident_mb));
        row.push(cost.memory.peak_mb.map_or_else(String::new, number));
    }
    row
}

/// Counts per status, and exchanges that broke: `200: 1204, broken: 1`.
fn answers(measured: &Measured) -> String {
    let mut parts: Vec<String> = measured
        .outcome
        .statuses
        .iter()
        .map(|(status, times)| format!("{status}: {times}"))
        .collect();
    if measured.outcome.errors > 0 {
        parts.push(format!("broken: {}", measured.outcome.errors));
    }
    parts.join(", ")
}

/// Three digits that count: `0.0571`, `9.23`, `148`, `12034`.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 3,
        _ => 4,
    };
    format!("{value:.decimals$}")
}

/// The middle value; of an even number the lower of the two.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    ranked(values, 2)
}

/// The value that a quarter stays below: what something costs where the machine is not always free to do it.
pub fn lower_quartile(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    ranked(values, 4)
}

fn ranked(values: impl IntoIterator<Item = f64>, part: usize) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / part).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits_that_count() {
        let shown = [0.05712, 0.3251, 1.5, 99.96, 148.4, 12034.0].map(number);
        assert_eq!(shown, ["0.0571", "0.325", "1.50", "100.0", "148", "12034"]);
    }

    #[test]
    fn the_median_does_not_mind_one_outlier() {
        assert_eq!(median([3.0, 1.0, 900.0]), Some(3.0));
        assert_eq!(median([2.0, 1.0]), Some(1.0));
        assert_eq!(median([]), None);
        assert_eq!(lower_quartile([5.0, 1.0, 2.0, 90.0, 80.0]), Some(2.0));
    }

    #[test]
    fn a_table_has_a_cell_for_every_column() {
        let text = table(
            &["a".to_owned(), "b".to_owned()],
            &[vec!["x".to_owned(), "1".to_owned()]],
        );
        assert_eq!(text, "| a | b |\n| --- | ---: |\n| x | 1 |\n");
    }
}
