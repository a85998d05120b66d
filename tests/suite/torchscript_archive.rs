//! Archives for the tests of TorchScript: fixtures with some members changed, and small ones around a piece of code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rulefold::model::archive::{Archive, ArchiveWriter, Compression};
use rulefold::model::pickle::{self, PickleBuilder};
use rulefold::model::torchscript::{self, ReadError, TorchScript};
use rulefold::ops::Catalogue;

pub fn fixture(case: &str, file: &str) -> PathBuf {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/torchscript");
    models.join(case).join(file)
}

/// Names and bytes of all members of a fixture.
pub fn members(path: &Path) -> Vec<(String, Vec<u8>)> {
    let archive = Archive::open(path).expect("a fixture");
    let data = archive.read_all().expect("a sound fixture");
    let names = archive.members().iter().map(|m| m.name().to_owned());
    names.zip(data.iter().map(|data| data.to_vec())).collect()
}

/// The members of an archive that somebody wrote.
pub fn members_of(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let archive = Archive::from_bytes("model.pt", bytes.into()).expect("a written archive");
    let data = archive.read_all().expect("sound members");
    let names = archive.members().iter().map(|m| m.name().to_owned());
    names.zip(data.iter().map(|data| data.to_vec())).collect()
}

pub fn zip(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ArchiveWriter::new();
    for (name, bytes) in members {
        writer
            .add(name, &bytes[..], Compression::Stored)
            .expect("a valid name");
    }
    let mut out = Vec::new();
    writer.write(&mut out).expect("memory takes all bytes");
    out
}

pub fn read(bytes: Vec<u8>) -> Result<TorchScript, ReadError> {
    let bytes: Arc<[u8]> = bytes.into();
    let archive = Archive::from_bytes("model.pt", bytes)?;
    torchscript::read_archive(&archive, &Catalogue::new())
}

pub fn write(script: &TorchScript) -> Vec<u8> {
    let mut out = Vec::new();
    torchscript::write(script, &Catalogue::new(), &mut out).expect("it can be written");
    out
}

/// An archive whose root, of class `__torch__.m.Net`, has no attributes.
pub fn around(code: &str) -> Vec<u8> {
    let mut data = PickleBuilder::new();
    let nothing = data.dict(Vec::new());
    let root = data.object("__torch__.m", "Net", nothing);
    let mut constants = PickleBuilder::new();
    let none = constants.tuple(Vec::new());
    zip(&[
        ("data.pkl".into(), pickle::write(&data.finish(root))),
        ("code/__torch__/m.py".into(), code.into()),
        (
            "constants.pkl".into(),
            pickle::write(&constants.finish(none)),
        ),
        ("version".into(), b"3\n".to_vec()),
    ])
}

/// The same around the body of `forward(self, x: Tensor, n: int) -> result`.
pub fn around_body(result: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "class Net(Module):\n  def forward(self: __torch__.m.Net, x: Tensor, n: int) -> {result}:\n"
    );
    let body: String = body.lines().map(|line| format!("    {line}\n")).collect();
    around(&(head + &body))
}

/// Compares with `tests/snapshots/torchscript/NAME.snap`.
pub fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/torchscript");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
