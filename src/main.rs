//! The `rulefold` command: a thin rim around the library.

fn main() -> std::process::ExitCode {
    rulefold::cli::main()
}
