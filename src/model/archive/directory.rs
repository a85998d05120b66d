//! The records of a zip archive: its bytes go in, the list of members with their verified places comes out. Layout after PKWARE's
//! APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (end records, zip64), 4.5.3 (zip64 extra).
//!
//! Invariant: every range in the list lies inside the bytes, no two members share a byte, no two have one name, all are in one folder.
//! Invariant: allocates no more than the bytes there are can describe.

use super::error::Fault;
use super::member::{Compression, Found, Member, check_names, check_overlaps};

/// Deflate cannot make more than 258 bytes out of 2 bits, plus what one started block may hold back.
fn deflate_bound(compressed: u64) -> u64 {
    compressed.saturating_mul(1032).saturating_add(258)
}

/// Fields of fixed width out of bytes, with the offset for messages.
struct Fields<'a> {
    what: &'static str,
    bytes: &'a [u8],
    start: usize,
}

impl<'a> Fields<'a> {
    /// The record `what` of `size` bytes at `start`, which begins with `mark`.
    fn record(
        file: &'a [u8],
        what: &'static str,
        start: usize,
        size: usize,
        mark: u32,
    ) -> Result<Self, Found> {
        let fields = Fields {
            what,
            bytes: slice(file, what, start, size)?,
            start,
        };
        match fields.u32(0) {
            found if found == mark => Ok(fields),
            found => Err((None, start as u64, Fault::Mark { what, found })),
        }
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        match self
            .bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk::<N>())
        {
            Some(field) => *field,
            None => unreachable!(
                "fields of {} are inside of its {} bytes",
                self.what,
                self.bytes.len()
            ),
        }
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }
}

/// `size` bytes from `start`, or the fault that they are not there.
fn slice<'a>(
    file: &'a [u8],
    what: &'static str,
    start: usize,
    size: usize,
) -> Result<&'a [u8], Found> {
    let end = start.checked_add(size);
    end.and_then(|end| file.get(start..end)).ok_or_else(|| {
        let left = file.len().saturating_sub(start) as u64;
        (
            None,
            start as u64,
            Fault::Truncated {
                what,
                need: size as u64,
                left,
            },
        )
    })
}

/// A file offset as an index; one that is too large for this machine is beyond every file.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

const END: &str = "the end record";
const END_SIZE: usize = 22;
const END_MARK: u32 = 0x0605_4b50;
const LOCATOR_SIZE: usize = 20;
const LOCATOR_MARK: u32 = 0x0706_4b50;
const END64: &str = "the zip64 end record";
const END64_SIZE: usize = 56;
const END64_MARK: u32 = 0x0606_4b50;
const ENTRY: &str = "an entry of the central directory";
const ENTRY_SIZE: usize = 46;
const ENTRY_MARK: u32 = 0x0201_4b50;
const LOCAL: &str = "a local header";
const LOCAL_SIZE: usize = 30;
const LOCAL_MARK: u32 = 0x0403_4b50;

/// Sizes and offsets of this value are in the zip64 extra field.
const IN_ZIP64: u32 = u32::MAX;

/// Where the central directory is and how many entries it has.
struct Directory {
    start: usize,
    size: usize,
    entries: u64,
}

/// Reads the central directory and checks each local header against it. Folders (names that end in `/`) are left out.
pub(super) fn read(file: &[u8]) -> Result<Vec<Member>, Found> {
    let directory = find_directory(file)?;
    let listing = slice(
        file,
        "the central directory",
        directory.start,
        directory.size,
    )?;
    let mut members = Vec::with_capacity(index(directory.entries).min(listing.len() / ENTRY_SIZE));
    let mut at = directory.start;
    for _ in 0..directory.entries {
        let (entry, next) = read_entry(file, at)?;
        at = next;
        if !entry.name.ends_with('/') {
            members.push(place(file, entry)?);
        }
    }
    let (here, declared) = ((at - directory.start) as u64, directory.size as u64);
    if here != declared {
        let fault = Fault::Contradiction {
            what: "length of the central directory",
            here,
            directory: declared,
        };
        return Err((None, at as u64, fault));
    }
    check_names(&mut members, directory.start)?;
    check_overlaps(&members, directory.start)?;
    Ok(members)
}

/// Finds the end record, which sits at the end of the file but for a comment or bytes somebody appended.
fn find_directory(file: &[u8]) -> Result<Directory, Found> {
    let end = file.len() as u64;
    let last = file
        .len()
        .checked_sub(END_SIZE)
        .ok_or((None, end, Fault::NotZip))?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let at = (first..=last)
        .rev()
        .find(|&at| {
            file.get(at..)
                .is_some_and(|tail| tail.starts_with(&END_MARK.to_le_bytes()))
        })
        .ok_or((None, end, Fault::NotZip))?;
    let record = Fields::record(file, END, at, END_SIZE, END_MARK)?;

    let locator = at.checked_sub(LOCATOR_SIZE).and_then(|start| {
        Fields::record(file, "the zip64 locator", start, LOCATOR_SIZE, LOCATOR_MARK).ok()
    });
    if let Some(locator) = locator {
        let record = Fields::record(file, END64, index(locator.u64(8)), END64_SIZE, END64_MARK)?;
        if record.u32(16) != 0 || record.u32(20) != 0 || record.u64(24) != record.u64(32) {
            return Err((None, record.start as u64, Fault::Parts));
        }
        return Ok(Directory {
            start: index(record.u64(48)),
            size: index(record.u64(40)),
            entries: record.u64(32),
        });
    }
    if record.u16(4) != 0 || record.u16(6) != 0 || record.u16(8) != record.u16(10) {
        return Err((None, at as u64, Fault::Parts));
    }
    Ok(Directory {
        start: index(record.u32(16).into()),
        size: index(record.u32(12).into()),
        entries: record.u16(10).into(),
    })
}

/// One entry of the central directory, as it stands there.
struct Entry {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    size: u64,
    compressed: u64,
    header: u64,
    at: u64,
}

/// Reads the entry at `at`; also gives the offset of the next.
fn read_entry(file: &[u8], at: usize) -> Result<(Entry, usize), Found> {
    let fields = Fields::record(file, ENTRY, at, ENTRY_SIZE, ENTRY_MARK)?;
    let [name_size, extra_size, comment_size] =
        [28, 30, 32].map(|field| usize::from(fields.u16(field)));
    let name = slice(file, ENTRY, at + ENTRY_SIZE, name_size)?;
    let extra = slice(file, ENTRY, at + ENTRY_SIZE + name_size, extra_size)?;
    let name = match str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => {
            let shown = String::from_utf8_lossy(name).into_owned();
            return Err((Some(shown), at as u64, Fault::Name("it is not UTF-8")));
        }
    };
    let fault = |fault| (Some(name.clone()), at as u64, fault);
    let disk = fields.u16(34);
    if disk != 0 && disk != u16::MAX {
        return Err(fault(Fault::Parts));
    }

    let mut wide = Zip64 {
        values: zip64_values(extra),
    };
    let mut resolve = |field: u32| match field {
        IN_ZIP64 => wide.next().ok_or_else(|| {
            let left = extra.len() as u64;
            fault(Fault::Truncated {
                what: "the zip64 field",
                need: left + 8,
                left,
            })
        }),
        narrow => Ok(u64::from(narrow)),
    };
    let size = resolve(fields.u32(24))?;
    let compressed = resolve(fields.u32(20))?;
    let header = resolve(fields.u32(42))?;
    let entry = Entry {
        flags: fields.u16(8),
        method: fields.u16(10),
        crc: fields.u32(16),
        size,
        compressed,
        header,
        at: at as u64,
        name,
    };
    Ok((
        entry,
        at + ENTRY_SIZE + name_size + extra_size + comment_size,
    ))
}

/// The 64-bit values of a zip64 extra field, in order.
struct Zip64<'a> {
    values: &'a [u8],
}

impl Zip64<'_> {
    fn next(&mut self) -> Option<u64> {
        let (value, rest) = self.values.split_first_chunk::<8>()?;
        self.values = rest;
        Some(u64::from_le_bytes(*value))
    }
}

/// The content of the extra field 0x0001; empty when there is none.
fn zip64_values(mut extra: &[u8]) -> &[u8] {
    while let Some((&[id0, id1, size0, size1], rest)) = extra.split_first_chunk::<4>() {
        let size = usize::from(u16::from_le_bytes([size0, size1]));
        let Some((content, rest)) = rest.split_at_checked(size) else {
            break;
        };
        if u16::from_le_bytes([id0, id1]) == 1 {
            return content;
        }
        extra = rest;
    }
    &[]
}

const ENCRYPTED: u16 = 1 << 0 | 1 << 6 | 1 << 13;
const SIZES_FOLLOW: u16 = 1 << 3;

/// Finds the payload behind the local header, which must agree with the entry.
fn place(file: &[u8], entry: Entry) -> Result<Member, Found> {
    let fault = |at: u64, fault| (Some(entry.name.clone()), at, fault);
    let named = |(_, at, found): Found| fault(at, found);
    if entry.flags & ENCRYPTED != 0 {
        return Err(fault(entry.at, Fault::Encrypted));
    }
    let compression = match entry.method {
        0 => Compression::Stored,
        8 => Compression::Deflated,
        method => return Err(fault(entry.at, Fault::Method(method))),
    };

    let start = index(entry.header);
    let local = Fields::record(file, LOCAL, start, LOCAL_SIZE, LOCAL_MARK).map_err(named)?;
    let [name_size, extra_size] = [26, 28].map(|field| usize::from(local.u16(field)));
    let name = slice(file, LOCAL, start + LOCAL_SIZE, name_size).map_err(named)?;
    if name != entry.name.as_bytes() {
        return Err(fault(entry.header, Fault::OtherName));
    }
    let agree = |what, here: u64, directory: u64| match here == directory {
        true => Ok(()),
        false => Err(fault(
            entry.header,
            Fault::Contradiction {
                what,
                here,
                directory,
            },
        )),
    };
    agree(
        "compression method",
        local.u16(8).into(),
        entry.method.into(),
    )?;
    if local.u16(6) & SIZES_FOLLOW == 0 {
        agree("CRC-32", local.u32(14).into(), entry.crc.into())?;
        for (what, field, declared) in [
            ("compressed size", 18, entry.compressed),
            ("size", 22, entry.size),
        ] {
            if local.u32(field) != IN_ZIP64 {
                agree(what, local.u32(field).into(), declared)?;
            }
        }
    }

    let begin = start + LOCAL_SIZE + name_size + extra_size;
    let length = index(entry.compressed);
    slice(file, "the member's payload", begin, length).map_err(named)?;
    match compression {
        Compression::Stored => agree("size of the stored member", entry.compressed, entry.size)?,
        Compression::Deflated => {
            let bound = deflate_bound(entry.compressed);
            if entry.size > bound {
                let (declared, compressed) = (entry.size, entry.compressed);
                return Err(fault(
                    begin as u64,
                    Fault::Bomb {
                        declared,
                        compressed,
                        bound,
                    },
                ));
            }
        }
    }
    Ok(Member {
        name: entry.name,
        root: 0,
        compression,
        crc: entry.crc,
        size: entry.size,
        header: start,
        payload: begin..begin + length,
    })
}
