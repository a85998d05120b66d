//! Tests of the archive: files PyTorch made, files we make, and files that lie.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

/// All archives of the repository's fixtures.
fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/torchscript");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .flat_map(|case| std::fs::read_dir(case.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|end| end == "pt"))
        .collect();
    files.sort();
    assert!(files.len() > 40);
    files
}

fn open(bytes: &[u8]) -> Result<Archive, ArchiveError> {
    Archive::from_bytes("model.pt", Arc::from(bytes))
}

/// Opens and reads everything.
fn read(bytes: &[u8]) -> Result<Vec<(String, MemberData)>, ArchiveError> {
    let archive = open(bytes)?;
    let names = archive
        .members()
        .iter()
        .map(|member| member.full_name().to_owned());
    Ok(names.zip(archive.read_all()?).collect())
}

fn write(members: &[(&str, &[u8], Compression)]) -> Vec<u8> {
    let mut writer = ArchiveWriter::new();
    for &(name, bytes, compression) in members {
        writer.add(name, bytes, compression).unwrap();
    }
    let mut out = Vec::new();
    let length = writer.write(&mut out).unwrap();
    assert_eq!(length, out.len() as u64);
    out
}

fn two(compression: Compression) -> Vec<u8> {
    write(&[
        (
            "data.pkl",
            b"the pickle, the pickle, the pickle",
            compression,
        ),
        ("data/0", &[7; 100], compression),
    ])
}

fn refused(bytes: &[u8]) -> (Place, Fault) {
    match read(bytes) {
        Err(ArchiveError::Bad { place, fault }) => (place, fault),
        Err(error) => panic!("another error: {error}"),
        Ok(members) => panic!("accepted: {members:?}"),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Vec<usize> {
    (0..bytes.len())
        .filter(|&at| bytes[at..].starts_with(what))
        .collect()
}

/// Sets a field of the first member's local header (`Some` offset) and of its directory entry.
fn patch(bytes: &mut [u8], local: Option<usize>, central: usize, value: &[u8]) {
    let directory = find(bytes, b"PK\x01\x02")[0];
    bytes[directory + central..][..value.len()].copy_from_slice(value);
    if let Some(local) = local {
        bytes[local..][..value.len()].copy_from_slice(value);
    }
}

#[test]
fn fixtures_survive_being_written_again() {
    for path in fixtures() {
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.root(), "archive");
        assert_eq!(archive.compression(), Compression::Deflated);
        let data = archive.read_all().unwrap();
        for compression in [Compression::Stored, Compression::Deflated] {
            let members: Vec<_> = archive
                .members()
                .iter()
                .zip(&data)
                .map(|(m, bytes)| (m.name(), &bytes[..], compression))
                .collect();
            let out = write(&members);
            assert_eq!(out, write(&members));
            let again = open(&out).unwrap();
            assert_eq!(again.compression(), compression);
            let names = |archive: &Archive| {
                archive
                    .members()
                    .iter()
                    .map(|m| m.name().to_owned())
                    .collect::<Vec<_>>()
            };
            assert_eq!(names(&again), names(&archive), "{}", path.display());
            assert_eq!(again.read_all().unwrap(), data, "{}", path.display());
        }
    }
}

#[test]
fn a_stored_archive_has_the_bytes_pytorch_writes() {
    let out = write(&[("version", b"3\n", Compression::Stored)]);
    let mut expected = b"PK\x03\x04\0\0\0\x08\0\0\0\0\0\0".to_vec();
    expected.extend([0xd1, 0x9e, 0x67, 0x55, 2, 0, 0, 0, 2, 0, 0, 0, 15, 0, 19, 0]);
    expected.extend(b"archive/versionFB\x0f\0ZZZZZZZZZZZZZZZ3\n");
    expected.extend(b"PK\x01\x02\0\0\0\0\0\x08\0\0\0\0\0\0");
    expected.extend([0xd1, 0x9e, 0x67, 0x55, 2, 0, 0, 0, 2, 0, 0, 0, 15, 0]);
    expected.extend([0; 16]);
    expected.extend(b"archive/version");
    expected.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x3d\0\0\0\x42\0\0\0\0\0");
    assert_eq!(out, expected);
}

#[test]
fn stored_payloads_are_aligned_and_stay_in_place() {
    let names: Vec<String> = (0..70).map(|length| "n".repeat(length + 1)).collect();
    let members: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), name.as_bytes(), Compression::Stored))
        .collect();
    let bytes: Arc<[u8]> = write(&members).into();
    let archive = Archive::from_bytes("model.pt", Arc::clone(&bytes)).unwrap();
    for member in archive.members() {
        assert_eq!(member.payload().start % 64, 0);
        let data = archive.read(member.name()).unwrap();
        assert_eq!(&*data, member.name().as_bytes());
        assert_eq!(data.as_ptr(), bytes[member.payload()].as_ptr());
    }
}

#[test]
fn handles_compare_and_hash_by_content() {
    let stored = read(&two(Compression::Stored)).unwrap();
    let deflated = read(&two(Compression::Deflated)).unwrap();
    assert_eq!(stored, deflated);
    let [(_, pickle), (_, data)] = &stored[..] else {
        panic!("two members")
    };
    assert_eq!(data.hash(), content_hash(&[7; 100]));
    assert_eq!(data.slice(10..20).unwrap(), MemberData::from(vec![7; 10]));
    assert_eq!(
        pickle.slice(4..10).unwrap().slice(1..3).unwrap()[..],
        *b"ic"
    );
    assert!(data.slice(90..101).is_none());
    #[expect(
        clippy::reversed_empty_ranges,
        reason = "a range that makes no sense must not panic"
    )]
    let backwards = data.slice(5..2);
    assert!(backwards.is_none());
}

#[test]
fn every_truncation_is_refused() {
    for bytes in [
        two(Compression::Stored),
        two(Compression::Deflated),
        std::fs::read(&fixtures()[0]).unwrap(),
    ] {
        for length in 0..bytes.len() {
            assert!(
                read(&bytes[..length]).is_err(),
                "{length} of {} bytes",
                bytes.len()
            );
        }
    }
}

#[test]
fn every_flipped_byte_is_refused_or_harmless() {
    for bytes in [
        two(Compression::Stored),
        two(Compression::Deflated),
        std::fs::read(&fixtures()[1]).unwrap(),
    ] {
        let whole = read(&bytes).unwrap();
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                if let Ok(members) = read(&bytes) {
                    assert_eq!(
                        members, whole,
                        "byte {at} flipped by {flip:#x} changes what is read"
                    );
                }
            }
        }
    }
}

#[test]
fn a_wrong_checksum_names_the_member() {
    let mut bytes = two(Compression::Stored);
    let at = find(&bytes, &[7; 100])[0];
    bytes[at + 50] ^= 4;
    let error = read(&bytes).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "model.pt: member `archive/data/0` at byte {at}: the CRC-32 of the bytes is 0x529c6b67, declared is 0x2fcb0660; \
             copy the file again, or save the model again: the member is damaged"
        )
    );
}

#[test]
fn lies_about_a_member_are_refused() {
    let name = Some("archive/data.pkl".to_owned());
    let stored = two(Compression::Stored);
    let deflated = two(Compression::Deflated);
    let try_patch = |bytes: &[u8], local, central, value: &[u8]| {
        let mut bytes = bytes.to_vec();
        patch(&mut bytes, local, central, value);
        let (place, fault) = refused(&bytes);
        assert_eq!(place.member, name, "{fault}");
        fault
    };

    assert_eq!(try_patch(&stored, Some(6), 8, &[1, 8]), Fault::Encrypted);
    assert_eq!(try_patch(&stored, Some(8), 10, &[12, 0]), Fault::Method(12));
    assert!(matches!(
        try_patch(&stored, None, 10, &[8, 0]),
        Fault::Contradiction {
            what: "compression method",
            ..
        }
    ));
    assert!(matches!(
        try_patch(&stored, None, 16, &[1, 2, 3, 4]),
        Fault::Contradiction { what: "CRC-32", .. }
    ));
    assert!(matches!(
        try_patch(&stored, None, 24, &[35, 0, 0, 0]),
        Fault::Contradiction { what: "size", .. }
    ));
    assert!(matches!(
        try_patch(&stored, Some(22), 24, &[35, 0, 0, 0]),
        Fault::Contradiction { .. }
    ));
    assert_eq!(
        try_patch(&stored, None, 42, &[1, 0, 0, 0]),
        Fault::Mark {
            what: "a local header",
            found: 0x0004_034b
        }
    );
    assert!(matches!(
        try_patch(&stored, None, 42, &[0, 0, 0, 9]),
        Fault::Truncated { .. }
    ));
    assert_eq!(
        try_patch(&deflated, Some(22), 24, &[33, 0, 0, 0]),
        Fault::Length {
            declared: 33,
            found: 34
        }
    );
    assert_eq!(
        try_patch(&deflated, Some(22), 24, &[35, 0, 0, 0]),
        Fault::Length {
            declared: 35,
            found: 34
        }
    );
    assert!(matches!(
        try_patch(&deflated, Some(22), 24, &[0, 0, 0, 0x40]),
        Fault::Bomb {
            declared: 0x4000_0000,
            ..
        }
    ));
    assert!(matches!(
        try_patch(&deflated, Some(18), 20, &[200, 0, 0, 0]),
        Fault::Overlap(_)
    ));
    assert!(matches!(
        try_patch(&deflated, Some(18), 20, &[5, 0, 0, 0]),
        Fault::Deflate(_)
    ));
}

#[test]
fn names_that_pytorch_would_not_write_are_refused() {
    let rename = |from: &str, to: &[u8]| {
        let mut bytes = write(&[
            ("aa/x", b"1", Compression::Stored),
            ("aa/y", b"2", Compression::Stored),
        ]);
        assert_eq!(from.len(), to.len());
        for at in find(&bytes, from.as_bytes()) {
            bytes[at..][..to.len()].copy_from_slice(to);
        }
        refused(&bytes)
    };
    let second = "archive/aa/y";
    assert_eq!(rename(second, b"archive/aa/x").1, Fault::Duplicate);
    assert_eq!(
        rename(second, b"archive/../y").1,
        Fault::Name("`..` leaves the archive")
    );
    assert_eq!(
        rename(second, b"archive/./yy").1,
        Fault::Name("a part of the path is empty or `.`")
    );
    assert_eq!(
        rename(second, b"archive//aay").1,
        Fault::Name("a part of the path is empty or `.`")
    );
    assert_eq!(
        rename(second, b"archive/a\\yy").1,
        Fault::Name("it holds a backslash or a zero byte")
    );
    assert_eq!(
        rename(second, b"archive/aa/\xff").1,
        Fault::Name("it is not UTF-8")
    );
    assert_eq!(
        rename(second, b"Archive/aa/y").1,
        Fault::OtherRoot("archive".to_owned())
    );
    assert!(matches!(
        rename("archive/aa/x", b"archive_aa_x"),
        (
            Place {
                member: Some(_),
                ..
            },
            Fault::Name(_)
        )
    ));
}

#[test]
fn a_folder_is_not_a_member() {
    let mut bytes = write(&[
        ("data/0", b"1", Compression::Stored),
        ("extra", b"", Compression::Stored),
    ]);
    for at in find(&bytes, b"archive/extra") {
        bytes[at..][..13].copy_from_slice(b"archive/ext1/");
    }
    let members = read(&bytes).unwrap();
    assert_eq!(members.len(), 1);
}

#[test]
fn bytes_behind_the_archive_are_ignored() {
    let mut bytes = two(Compression::Deflated);
    let whole = read(&bytes).unwrap();
    bytes.extend([0; 1000]);
    assert_eq!(read(&bytes).unwrap(), whole);
}

#[test]
fn a_missing_member_is_named() {
    let error = open(&two(Compression::Stored))
        .unwrap()
        .read("constants.pkl")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("member `archive/constants.pkl`") && error.contains("the member is missing"),
        "{error}"
    );
}

#[test]
fn the_writer_refuses_names_it_could_not_read_back() {
    let mut writer = ArchiveWriter::new();
    let mut add = |name: &str| {
        writer
            .add(name, &b""[..], Compression::Stored)
            .map_err(|error| error.to_string())
    };
    assert_eq!(add("a"), Ok(()));
    assert_eq!(
        add("a"),
        Err("member `archive/a`: two members have this name".to_owned())
    );
    for name in [
        "../a",
        "",
        "a//b",
        "a/.",
        "/a",
        "a\\b",
        &"long".repeat(20_000),
    ] {
        assert!(add(name).is_err(), "{name}");
    }
}

#[test]
fn more_members_than_16_bits_count_need_zip64() {
    let names: Vec<String> = (0..65_535).map(|number| number.to_string()).collect();
    let members: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), &b""[..], Compression::Stored))
        .collect();
    let bytes = write(&members);
    assert_eq!(find(&bytes[bytes.len() - 98..], b"PK\x06\x06"), [0]);
    let archive = open(&bytes).unwrap();
    assert!(
        archive
            .members()
            .iter()
            .map(Member::name)
            .eq(names.iter().map(String::as_str))
    );

    let bytes = write(&members[1..]);
    assert!(find(&bytes[bytes.len() - 98..], b"PK\x06\x06").is_empty());
    assert_eq!(open(&bytes).unwrap().members().len(), 65_534);
}

/// The same archive with every size and offset moved into zip64 fields.
fn widen(bytes: &[u8]) -> Vec<u8> {
    let directory = find(bytes, b"PK\x01\x02");
    let mut out = bytes[..directory[0]].to_vec();
    let end = find(bytes, b"PK\x05\x06")[0];
    for (number, &entry) in directory.iter().enumerate() {
        let next = directory.get(number + 1).copied().unwrap_or(end);
        let mut record = bytes[entry..next].to_vec();
        let field = |at: usize| {
            u64::from(u32::from_le_bytes(
                bytes[entry + at..][..4].try_into().unwrap(),
            ))
        };
        let mut extra = vec![0xfe, 0xca, 3, 0, 1, 2, 3, 1, 0, 24, 0];
        [24, 20, 42]
            .into_iter()
            .for_each(|at| extra.extend(field(at).to_le_bytes()));
        [24, 20, 42]
            .into_iter()
            .for_each(|at| record[at..][..4].fill(0xff));
        record[30] = extra.len() as u8;
        out.extend(record);
        out.extend(extra);
    }
    let (start, size, count) = (
        directory[0] as u64,
        (out.len() - directory[0]) as u64,
        directory.len() as u64,
    );
    let end64 = out.len() as u64;
    out.extend(b"PK\x06\x06");
    out.extend(44_u64.to_le_bytes());
    out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    [count, count, size, start]
        .into_iter()
        .for_each(|value| out.extend(value.to_le_bytes()));
    out.extend(b"PK\x06\x07\0\0\0\0");
    out.extend(end64.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([0xff; 12]);
    out.extend([0, 0]);
    out
}

#[test]
fn zip64_fields_are_read() {
    for bytes in [two(Compression::Stored), two(Compression::Deflated)] {
        let wide = widen(&bytes);
        assert_eq!(read(&wide).unwrap(), read(&bytes).unwrap());
        for length in 0..wide.len() {
            assert!(read(&wide[..length]).is_err());
        }
        for at in 0..wide.len() {
            let mut wide = wide.clone();
            wide[at] ^= 0xff;
            if let Ok(members) = read(&wide) {
                assert_eq!(members, read(&bytes).unwrap(), "byte {at}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(
        contents in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 1_usize..2000, any::<bool>()), 1..12),
    ) {
        let mut writer = ArchiveWriter::new();
        let contents: Vec<_> = contents.into_iter().map(|(unit, times, stored)| (unit.repeat(times), stored)).collect();
        for (number, (bytes, stored)) in contents.iter().enumerate() {
            let compression = if *stored { Compression::Stored } else { Compression::Deflated };
            writer.add(&format!("data/{number}"), bytes, compression).unwrap();
        }
        let mut out = Vec::new();
        writer.write(&mut out).unwrap();
        let members = read(&out).unwrap();
        prop_assert_eq!(members.len(), contents.len());
        for ((_, data), (bytes, _)) in members.iter().zip(&contents) {
            prop_assert_eq!(&data[..], &bytes[..]);
            prop_assert_eq!(data.hash(), content_hash(bytes));
        }
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), end in any::<[u8; 16]>()) {
        let mut bytes = bytes;
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend(end);
        prop_assert!(read(&bytes).is_err());
    }
}

#[test]
fn an_archive_needs_members_and_one_folder() {
    assert_eq!(refused(b"").1, Fault::NotZip);
    assert_eq!(refused(&[0x80, 2].repeat(40)).1, Fault::NotZip);
    assert_eq!(refused(&write(&[])).1, Fault::Empty);
}
