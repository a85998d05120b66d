//! The commands in the README and in the book print what stands there.
//!
//! With `TRYCMD=overwrite` the pages get what the commands print.

use crate::command::root;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Pages that show commands: the README and those of the book, by their paths in the package.
fn pages() -> Vec<String> {
    let mut found = vec!["README.md".to_owned()];
    let mut folders = vec!["book/src".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("the book is part of the package") {
            let entry = entry.expect("the folder can be listed");
            let name = entry.file_name();
            let path = format!("{folder}/{}", name.to_string_lossy());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.retain(|page| !commands(&read(page)).is_empty());
    assert!(found.len() >= 2, "pages that show commands: {found:?}");
    found
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).expect("pages are text")
}

/// A command of a page, and the lines of the page that show what it prints.
struct Shown {
    command: String,
    output: Range<usize>,
}

/// The commands of a page that are run here: those of the program, and `cat`.
fn commands(page: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = vec![];
    let mut inside = false;
    let mut ours = false;
    for (number, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
            ours = false;
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            let built = command.strip_prefix("cargo run --release -- ");
            let command = match built {
                Some(words) => format!("rulefold {words}"),
                None => command.to_owned(),
            };
            ours = command.starts_with("rulefold ") || command.starts_with("cat ");
            if ours {
                let output = number + 1..number + 1;
                found.push(Shown { command, output });
            }
        } else if let (true, true, Some(last)) = (inside, ours, found.last_mut()) {
            last.output.end = number + 1;
        }
    }
    found
}

/// Whether a line of output says how long something took, which no two runs agree on.
fn is_time(line: &str) -> bool {
    line.starts_with("time  ")
}

/// A page of nothing but these commands, each in a block of its own, as trycmd wants it: outputs end with a blank line.
fn page_of(commands: &[Shown], page: &str) -> String {
    let lines: Vec<&str> = page.lines().collect();
    let block = |shown: &Shown| {
        let output = lines[shown.output.clone()].iter();
        let output = output.map(|line| if is_time(line) { "time  [..]" } else { line });
        let output: String = output.map(|line| format!("{line}\n")).collect();
        format!("```console\n$ {}\n{output}\n```\n", shown.command)
    };
    commands.iter().map(block).collect()
}

/// The page with the outputs of a page that `page_of` made and the commands were run on. Times stay.
fn updated(page: &str, run: &str) -> String {
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    let (old, new) = (commands(page), commands(run));
    let run: Vec<&str> = run.lines().collect();
    for (old, new) in old.iter().zip(&new).rev() {
        let new = &run[new.output.clone()];
        let new = new.strip_suffix(&[""]).unwrap_or(new);
        let time = lines[old.output.clone()].iter().find(|line| is_time(line));
        let output: Vec<String> = new
            .iter()
            .map(|line| match time {
                Some(time) if is_time(line) => time.clone(),
                _ => (*line).to_owned(),
            })
            .collect();
        lines.splice(old.output.clone(), output);
    }
    lines.join("\n") + "\n"
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder can be made");
    for entry in fs::read_dir(from).expect("the folder is part of the package") {
        let path = entry.expect("the folder can be listed").path();
        let target = to.join(path.file_name().expect("it was listed"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).expect("the file can be copied");
        }
    }
}

#[test]
fn commands_print_what_the_pages_say() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let program = |path: &str| trycmd::schema::Bin::Path(path.into());
    let cases = trycmd::TestCases::new();
    cases
        .register_bin("rulefold", program(env!("CARGO_BIN_EXE_rulefold")))
        .register_bin("cat", program("/bin/cat"));
    let pages = pages();
    let copies: Vec<PathBuf> = pages
        .iter()
        .map(|page| folder.path().join(page.replace('/', "_")))
        .collect();
    for (page, copied) in pages.iter().zip(&copies) {
        let text = read(page);
        fs::write(copied, page_of(&commands(&text), &text)).expect("the page can be written");
        // The folder the commands run in: what they read, and the files that pages speak of.
        let inside = copied.with_extension("in");
        copy(&root().join("tests/cli/tour"), &inside);
        for read in ["tests", "patterns"] {
            std::os::unix::fs::symlink(root().join(read), inside.join(read))
                .expect("the folder takes a link");
        }
        cases.case(copied);
    }
    cases.run();
    if std::env::var("TRYCMD").is_ok_and(|mode| mode == "overwrite") {
        for (page, copied) in pages.iter().zip(&copies) {
            let path = root().join(page);
            let text = read(page);
            let run = fs::read_to_string(copied).expect("the page was run");
            fs::write(path, updated(&text, &run)).expect("the page can be written");
        }
    }
}

#[test]
fn outputs_go_back_to_their_places() {
    let page = |first: &str, second: &str| {
        format!(
            "# t\n```console\n$ cargo run --release -- check a\n{first}```\n```console\n$ cargo test\n```\n```console\n$ cat b\n{second}```\n"
        )
    };
    let run = |first: &str, second: &str| {
        format!(
            "```console\n$ rulefold check a\n{first}\n```\n```console\n$ cat b\n{second}\n```\n"
        )
    };
    let old = page("old\ntime   3 ms\n", "");
    assert_eq!(page_of(&commands(&old), &old), run("old\ntime  [..]\n", ""));
    let new = run("new\nnew\ntime   4 ms\n", "more\n");
    assert_eq!(
        updated(&old, &new),
        page("new\nnew\ntime   3 ms\n", "more\n")
    );
}
