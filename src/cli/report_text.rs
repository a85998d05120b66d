//! The report of a run as text for people.

use std::fmt::Write;

use crate::pipeline::report::Report;

/// Writes the report; `color` allows ANSI colours.
pub fn text(report: &Report, color: bool) -> String {
    let (bold, dim, off) = if color {
        ("\x1b[1m", "\x1b[2m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    let mut out = String::new();
    let input = &report.input;
    let _ = writeln!(
        out,
        "{bold}read{off}        {} ({}; {}, {}, {})",
        input.path,
        input.format,
        counted(input.modules, "module"),
        counted(input.methods, "method"),
        counted(input.constants, "constant"),
    );
    let _ = writeln!(
        out,
        "{bold}pipeline{off}    {} ({})",
        report.pipeline.name, report.pipeline.because
    );
    let width = report
        .rules
        .iter()
        .map(|rule| rule.rule.len())
        .max()
        .unwrap_or(0);
    for (i, rule) in report.rules.iter().enumerate() {
        let head = if i == 0 { "rules" } else { "" };
        let _ = writeln!(
            out,
            "{bold}{head:<10}{off}  {:width$}  {:>5} x  {dim}{}{off}",
            rule.rule, rule.count, rule.numerics
        );
    }
    if report.rules.is_empty() {
        let _ = writeln!(out, "{bold}rules{off}       none applied");
    }
    let _ = writeln!(
        out,
        "{bold}operations{off}  {}",
        change(report.operations.before, report.operations.after)
    );
    if report.methods.len() > 1 {
        for of in &report.methods {
            let counts = match of.before {
                Some(before) => change(before, of.after),
                None => format!("new -> {}", of.after),
            };
            let _ = writeln!(out, "            {}: {counts}", of.method);
        }
    }
    let _ = writeln!(
        out,
        "{bold}bytes{off}       {}",
        change(report.bytes.before, report.bytes.after)
    );
    let promises: Vec<String> = report
        .numerics
        .iter()
        .map(|promise| {
            format!(
                "{} ({})",
                promise.label,
                counted(promise.operations, "operation")
            )
        })
        .collect();
    let numerics = if promises.is_empty() {
        "exact (no rule made an operation)".to_owned()
    } else {
        promises.join(", ")
    };
    let _ = writeln!(out, "{bold}numerics{off}    {numerics}");
    let bound = report.lower_bound.map_or(String::new(), |bound| {
        format!(
            ": no fewer than {} operations and {} bytes of constants",
            bound.operations, bound.bytes
        )
    });
    let _ = writeln!(out, "{bold}proof{off}       {}{bound}", report.proof);
    for sequence in &report.sequences {
        let modules = sequence.modules.join(",");
        let _ = writeln!(out, "{bold}modules{off}     {modules}: {}", sequence.what);
    }
    for island in &report.islands {
        let times = if island.count > 1 {
            format!(" ({} times)", island.count)
        } else {
            String::new()
        };
        let place = if island.place.is_empty() {
            String::new()
        } else {
            format!(" at {}", island.place)
        };
        let module = island
            .module
            .as_ref()
            .map_or_else(String::new, |module| format!(" of {module}"));
        let method = island
            .method
            .as_ref()
            .map_or_else(String::new, |method| format!(" in {method}"));
        let rule = if island.rule.is_empty() {
            String::new()
        } else {
            format!("{}: ", island.rule)
        };
        let _ = writeln!(
            out,
            "{bold}unfused{off}     {}{module}{place}{method}{times}\n            {rule}{}",
            island.operators, island.reason
        );
    }
    if report.islands.is_empty() {
        let _ = writeln!(out, "{bold}unfused{off}     none");
    }
    if !report.methods_dropped.is_empty() {
        let _ = writeln!(
            out,
            "{bold}dropped{off}     methods {}",
            report.methods_dropped.join(", ")
        );
    }
    for limit in &report.limits {
        let _ = writeln!(out, "{bold}limit{off}       {limit}");
    }
    for note in &report.notes {
        let _ = writeln!(out, "{bold}note{off}        {note}");
    }
    let total: f64 = report.seconds.iter().map(|stage| stage.seconds).sum();
    let stages: Vec<String> = report
        .seconds
        .iter()
        .map(|stage| format!("{} {:.0} ms", stage.stage, stage.seconds * 1e3))
        .collect();
    let _ = writeln!(
        out,
        "{bold}time{off}        {:.0} ms {dim}({}){off}",
        total * 1e3,
        stages.join(", ")
    );
    out
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Two numbers, and by how much the second is larger.
pub(super) fn change(before: u64, after: u64) -> String {
    if before == after || before == 0 {
        return format!("{before} -> {after}");
    }
    let percent = (after as f64 - before as f64) / before as f64 * 100.0;
    format!("{before} -> {after} ({percent:+.1} %)")
}
