//! What commands print into a pipe, on a terminal of some width, without colours, and with `-q`.

use crate::command::{Place, Ran, model, program};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

/// Columns of the terminals here.
const COLUMNS: u16 = 60;

/// A terminal: the side that a person sees, and the side that a program writes to.
struct Terminal {
    seen: OwnedFd,
    written: File,
}

impl Terminal {
    fn new() -> Terminal {
        let seen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
        grantpt(&seen).expect("a new terminal is ours");
        unlockpt(&seen).expect("a new terminal is ours");
        let name = ptsname(&seen, Vec::new()).expect("a terminal has a name");
        let name = name.to_str().expect("names of terminals are plain");
        let written = OpenOptions::new().read(true).write(true).open(name);
        let written = written.expect("the other side can be opened");
        let size = Winsize {
            ws_row: 40,
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&written, size).expect("a terminal has a size");
        Terminal { seen, written }
    }

    fn stream(&self) -> Stdio {
        self.written
            .try_clone()
            .expect("it can be given away")
            .into()
    }

    /// Runs a command whose streams were made of this terminal; what a person sees.
    fn run(self, mut command: Command) -> (i32, String) {
        let mut child = command.spawn().expect("the program runs");
        // Nobody else may hold the side that is written to, or the end would never be seen.
        drop(command);
        drop(self.written);
        let mut bytes = Vec::new();
        let mut seen = File::from(self.seen);
        let mut piece = [0; 4096];
        // The end of a terminal is an error on this side.
        while let Ok(count @ 1..) = seen.read(&mut piece) {
            bytes.extend_from_slice(&piece[..count]);
        }
        let status = child.wait().expect("it was started");
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        (status.code().expect("nothing killed it"), text)
    }
}

/// Commands print no longer lines than a terminal has columns.
const WIDE: [&str; 7] = [
    "diff in.pt out.pt",
    "explain in.pt",
    "rules",
    "rules torch.quantized.packed",
    "optimize in.pt -o again.pt",
    "why packed in.pt --all",
    "verify in.pt out.pt --shape 3,5",
];

/// A model, what `optimize` makes of it, and rules with a test.
fn place() -> Place {
    let place = Place::new();
    std::fs::copy(model("linear"), place.path("in.pt")).expect("the model can be copied");
    let ran = place.run("optimize in.pt -o out.pt -q");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    place.write(
        "my.fold",
        r#"rule twice : aten::relu(aten::relu(%x)) => aten::relu(%x)
  numerics exact

test "one is enough" of twice {
  given graph(%x: Tensor<f32>) {
    %a = aten::relu(%x)
    %y = aten::relu(%a)
    return (%y)
  }
  expect graph(%x: Tensor<f32>) {
    %y = aten::relu(%x)
    return (%y)
  }
}
"#,
    );
    place.write(
        "pass.py",
        "before = '''graph(%x): %y = aten::relu(%x) return (%y)'''\nafter = '''graph(%x): %y = aten::relu6(%x) return (%y)'''\n",
    );
    place
}

fn started(place: &Place, words: &str) -> Command {
    let mut command = program();
    command.args(words.split(' ')).current_dir(place.path(""));
    command.stdin(Stdio::null());
    command
}

fn piped(place: &Place, words: &str, columns: Option<&str>) -> Ran {
    let mut command = started(place, words);
    if let Some(columns) = columns {
        command.env("COLUMNS", columns);
    }
    command.output().expect("the program runs").into()
}

/// What is seen without codes for colours.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\u{1b}[") {
        out += before;
        rest = behind.split_once('m').map_or("", |(_, behind)| behind);
    }
    out + rest
}

/// The longest line, but for lines of rule files, which are shown as they stand.
fn longest(text: &str) -> usize {
    let lines = plain(text);
    let own = lines.lines().filter(|line| !line.contains('│'));
    own.map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn a_pipe_has_no_width_but_columns_may_be_asked_for() {
    let place = place();
    for words in WIDE {
        let whole = piped(&place, words, None);
        let is_cut = whole.out.lines().any(|line| line.ends_with('…'));
        assert!(!is_cut, "{words}: {}", whole.out);
        let narrow = piped(&place, words, Some("60"));
        assert_eq!((whole.code, whole.err), (narrow.code, narrow.err.clone()));
        assert!(longest(&narrow.out) <= 60, "{words}: {}", narrow.out);
        // Except for verify's there are lines that have to give way.
        let is_long = longest(&whole.out) > 60;
        assert!(is_long || words.starts_with("verify"), "{words}");
    }
}

#[test]
fn a_terminal_has_a_width_and_colours() {
    let place = place();
    for words in WIDE {
        let shown = |no_color: bool| {
            let terminal = Terminal::new();
            let mut command = started(&place, words);
            command.stdout(terminal.stream()).stderr(Stdio::null());
            command.env("TERM", "xterm");
            if no_color {
                command.env("NO_COLOR", "1");
            }
            terminal.run(command).1
        };
        let (coloured, uncoloured) = (shown(false), shown(true));
        assert!(
            longest(&coloured) <= usize::from(COLUMNS),
            "{words}: {coloured}"
        );
        assert!(coloured.contains("\u{1b}["), "{words}: {coloured}");
        assert!(!uncoloured.contains('\u{1b}'), "{words}: {uncoloured}");
        // Times differ from run to run.
        if !words.starts_with("optimize") {
            assert_eq!(plain(&coloured), uncoloured, "{words}");
        }
    }
}

/// What a command prints with `-q`.
enum Quiet {
    /// Nothing at all.
    Nothing,
    /// What it prints without, as that is what was asked for.
    Same,
    /// Standard output as without, which is a file, and nothing on standard error.
    Out,
    /// The same without lines that have this in them.
    Without(&'static str),
}

#[test]
fn quiet_commands_print_nothing_they_were_not_asked_for() {
    let place = place();
    let names = place.run("show in.pt --frozen").out;
    let node = names
        .split("aten::linear")
        .next()
        .and_then(|before| before.rsplit('%').next())
        .and_then(|name| name.split([' ', ':']).next())
        .expect("the model has a linear layer");
    let cut = format!("new rule cut --from in.pt --nodes {node}");
    let rows: [(&str, Quiet, i32); 14] = [
        ("optimize in.pt -o again.pt", Quiet::Nothing, 0),
        ("check my.fold", Quiet::Nothing, 0),
        ("show in.pt", Quiet::Same, 0),
        ("diff in.pt out.pt", Quiet::Nothing, 1),
        ("verify in.pt in.pt --shape 3,5", Quiet::Nothing, 0),
        ("explain in.pt", Quiet::Nothing, 0),
        ("explain in.pt --html page.html", Quiet::Nothing, 0),
        ("fmt my.fold", Quiet::Nothing, 0),
        ("rules conv2d", Quiet::Same, 0),
        (&cut, Quiet::Same, 0),
        ("import pass.py", Quiet::Out, 0),
        ("test my.fold", Quiet::Nothing, 0),
        ("why packed in.pt", Quiet::Without("not shown"), 0),
        ("why packed in.pt --format json", Quiet::Same, 0),
    ];
    let mut covered = BTreeSet::new();
    for (words, expected, code) in rows {
        covered.insert(words.split(' ').next().expect("a command").to_owned());
        let loud = place.run(words);
        let quiet = place.run(&format!("{words} -q"));
        assert_eq!((quiet.code, loud.code), (code, code), "{words}");
        assert_eq!(quiet.err, "", "{words}");
        let asked = match expected {
            Quiet::Nothing => String::new(),
            Quiet::Same => {
                assert_eq!(loud.err, "", "{words}");
                loud.out
            }
            Quiet::Out => {
                assert_ne!(loud.err, "", "{words}");
                loud.out
            }
            Quiet::Without(hint) => {
                assert!(loud.out.contains(hint), "{words}: {}", loud.out);
                let kept = loud.out.lines().filter(|line| !line.contains(hint));
                kept.map(|line| format!("{line}\n")).collect()
            }
        };
        assert_eq!(quiet.out, asked, "{words}");

        // A terminal on both streams, where progress would be drawn, gets no more.
        let terminal = Terminal::new();
        let mut command = started(&place, &format!("{words} -q --color never"));
        command.stdout(terminal.stream()).stderr(terminal.stream());
        let (_, seen) = terminal.run(command);
        assert_eq!(seen.is_empty(), asked.is_empty(), "{words}: {seen}");
        assert!(!seen.contains('\u{1b}'), "{words}: {seen}");
    }
    let help = place.run("--help").out;
    let commands = help.split("Commands:\n").nth(1).expect("commands");
    let commands = commands.split("\n\n").next().expect("a list");
    let all: BTreeSet<String> = commands
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    assert_eq!(covered, all);
}
