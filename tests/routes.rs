//! Every route of `haul gunzip` against a plain reader, on files that are cut and flipped everywhere, and on files made
//! to be taken for what they are not.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;
#[path = "common/inflated.rs"]
mod inflated;
#[path = "common/made.rs"]
mod made;

use std::io::Write as _;
use std::process::Command;

use common::{Sandbox, have, is_thorough, many, noise, prose};
use haul::codec::join::MARK;
use haul::plan::{CodecName, RouteName};
use inflated::{Bench, ROUTES, Reading, Way, check_routes};
use made::{
    BGZF_END, FLUSH, Fixed, HEADER, bgzf, bgzf_block, deflated, from_choices, full_header, gzip, hauled, hauled_blocks,
    mark, member, mend, pigz, stored, trailer,
};
use proptest::prelude::*;

/// Files of a batch: as many as make a job's own cost small.
const BATCH: usize = 512;

/// Past libtest's capture: these figures are quoted.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// A file whose trailers say what they should.
fn mended(mut bytes: Vec<u8>) -> Vec<u8> {
    mend(&mut bytes);
    bytes
}

/// Small files of every make, each with all that its kind has.
fn structured() -> Vec<(&'static str, Vec<u8>)> {
    let text = prose(1, 3_000);
    let runs: Vec<u8> = (0..12_u8).flat_map(|byte| vec![byte; 40 + usize::from(byte) * 31]).collect();
    let headed = [&full_header(7, 9, 5), &deflated(&text[..200], 6)[..], &trailer(&text[..200])].concat();
    let members = [gzip(&text[..300], 6), gzip(b"", 6), gzip(&text[500..600], 1), gzip(&text[700..800], 9)].concat();
    let fixed = mended(member(&Fixed::default().begin(true).literals(b"abc").repeat(258, 3).repeat(258, 1).end(), b""));
    vec![
        ("haul", hauled(&text[..1_000], CodecName::Libdeflate, 6, 250)),
        ("haul with dictionaries", hauled(&text[..1_200], CodecName::Zlib, 6, 250)),
        (
            "haul, then haul",
            [hauled(&text[..500], CodecName::Libdeflate, 1, 200), hauled(&runs, CodecName::Zlib, 9, 700)].concat(),
        ),
        ("haul, stored", hauled(&text[..300], CodecName::Libdeflate, 0, 70)),
        ("BGZF", bgzf(&text[..900], 300)),
        ("members", members),
        ("a header with every field", [headed.clone(), headed].concat()),
        ("pigz -i", pigz(&text[..900], 250, true)),
        ("pigz", pigz(&text[..900], 250, false)),
        ("stored", gzip(&noise(1, 300), 0)),
        ("runs", gzip(&runs, 6)),
        ("fixed codes", fixed),
        ("zeros behind", [gzip(&text[..300], 6), vec![0; 40]].concat()),
        (
            "junk behind",
            [hauled(&text[..400], CodecName::Libdeflate, 6, 150), b"junk \x1f\x8b\x08 and more".to_vec()].concat(),
        ),
    ]
}

/// What was tried.
#[derive(Default)]
struct Tried {
    files: usize,
    damaged: usize,
    lenient: usize,
    reads: usize,
}

/// Reads all of these: in every way if that is asked for, else in pieces and, in turns, in every other.
fn check_batches(tried: &mut Tried, what: &str, files: &[Vec<u8>], every: bool, name: impl Fn(usize) -> String) {
    for (turn, batch) in files.chunks(BATCH).enumerate() {
        let bench = Bench::new(batch.iter().map(Vec::as_slice));
        tried.files += batch.len();
        tried.damaged += bench.readings().filter(|reading| !reading.clean).count();
        tried.lenient += bench.readings().filter(|reading| reading.lenient.is_some()).count();
        let turns = |turn: usize| Way::new(ROUTES[turn % ROUTES.len()], 1 + turn % 3);
        let some = || vec![Way::new(RouteName::Pieces, 1 + turn % 2), turns(turn)];
        let ways = if every { Way::all(&[1 + turn % 3]) } else { some() };
        for way in &ways {
            bench.check_files(*way, |number| format!("{what}, {}", name(turn * BATCH + number)));
        }
        let tests = if every { Way::all(&[1 + (turn + 1) % 3]) } else { vec![turns(turn + 2)] };
        for way in &tests {
            bench.check_tests(*way, what);
        }
        tried.reads += batch.len() * (ways.len() + tests.len());
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_read_as_a_plain_reader_does() {
    let mut tried = Tried::default();
    for (what, whole) in structured() {
        assert!(Reading::of(&whole).clean, "{what}");
        let files: Vec<Vec<u8>> = (0..=whole.len()).map(|cut| whole[..cut].to_vec()).collect();
        check_batches(&mut tried, what, &files, is_thorough(), |cut| format!("cut to {cut}"));
    }
    assert_eq!(tried.lenient, 0, "nothing but an end is missing");
    say(&format!("routes: {} cut files, {} of them damaged, {} reads", tried.files, tried.damaged, tried.reads));
}

#[test]
fn a_file_with_any_bit_flipped_is_read_as_a_plain_reader_does() {
    let mut tried = Tried::default();
    for (what, whole) in structured() {
        let flip = |bit: usize| {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        // Every seventh, if there is no time: another bit of each byte.
        let step = if is_thorough() { 1 } else { 7 };
        let files: Vec<Vec<u8>> = (0..whole.len() * 8).step_by(step).map(flip).collect();
        check_batches(&mut tried, what, &files, is_thorough(), |place| format!("bit {} flipped", place * step));
    }
    let Tried { files, damaged, lenient, reads } = tried;
    say(&format!("routes: {files} flipped bits, {damaged} damage, {lenient} of that not to libdeflate, {reads} reads"));
}

/// A file made to be taken for what it is not.
type Trap = (String, Vec<u8>);

/// A member of these pieces, whatever they say.
fn chain(pieces: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let blocks: Vec<u8> = pieces.into_iter().flatten().collect();
    mended(member(&blocks, b""))
}

/// A piece of these bytes that reaches back to nothing, with a mark behind it.
fn piece(data: &[u8]) -> Vec<u8> {
    hauled_blocks(data, CodecName::Libdeflate, 6, data.len(), false)
}

/// Marks and headers where there are none: in the data.
fn traps_in_data() -> Vec<Trap> {
    let mut traps = Vec::new();
    let mut add = |what: &str, bytes: Vec<u8>| traps.push((what.to_owned(), bytes));
    let mut planted = noise(3, 300_000);
    let mut headers = noise(4, 300_000);
    for place in (0..planted.len() - 100).step_by(7_001) {
        planted[place..place + MARK.len()].copy_from_slice(&MARK);
        headers[place..place + 10].copy_from_slice(&HEADER);
    }
    for (what, data) in [("marks", &planted), ("headers", &headers)] {
        add(&format!("stored {what}"), gzip(data, 0));
        add(&format!("{what} stored by haul"), hauled(data, CodecName::Libdeflate, 0, 50_000));
        add(&format!("{what} by haul"), hauled(data, CodecName::Zlib, 6, 50_000));
        add(&format!("{what} in BGZF"), data.chunks(60_000).flat_map(|part| bgzf_block(part, 0)).collect());
    }
    add("marks alone", hauled(&MARK.repeat(20_000), CodecName::Libdeflate, 0, 9_000));
    let inner = hauled(&prose(5, 200_000), CodecName::Zlib, 6, 20_000);
    add("haul in stored haul", hauled(&inner, CodecName::Libdeflate, 0, 30_000));
    add("haul in stored haul in stored gzip", gzip(&hauled(&inner, CodecName::Libdeflate, 0, 30_000), 0));
    add("BGZF in gzip in gzip", gzip(&gzip(&bgzf(&prose(6, 200_000), 30_000), 0), 0));
    add("members in haul", hauled(&gzip(b"inner", 6).repeat(3_000), CodecName::Libdeflate, 0, 40_000));

    // What is in this block inflates on its own, to other bytes.
    let (other, real) = (prose(7, 20_000), prose(8, 20_000));
    let polyglot = [&mark()[..], &piece(&other), &piece(&real), &mark()].concat();
    let with_end = [&mark()[..], &deflated(&other, 6), &trailer(&other), &gzip(&real, 6), &mark()].concat();
    for (what, data) in [("pieces", &polyglot), ("an end and a member", &with_end)] {
        let around = [&piece(&real)[..], &stored(data, false), &mark(), &piece(&other)].concat();
        add(&format!("{what} in a stored block"), chain([around.clone(), stored(b"end", true)]));
        add(
            &format!("{what} in a first stored block"),
            chain([stored(data, false), mark(), around.clone(), stored(b"", true)]),
        );
        add(&format!("{what} in a last stored block"), chain([around, stored(data, true)]));
    }
    // Blocks that would take in a seal, or a part of it, as their data; and the same before more data.
    for more in 0..=20_usize {
        let data = [b"data".as_slice(), &MARK, &noise(9, more)].concat();
        add(&format!("a last block, {more} bytes behind its mark"), chain([piece(&real), stored(&data, true)]));
        let goes_on = [stored(&data, false), mark(), stored(b"end", true)].concat();
        add(&format!("a block, {more} bytes behind its mark"), chain([piece(&real), goes_on]));
        let seal = [&[1, 8, 0, 0xf7, 0xff][..], &noise(10, more)].concat();
        add(&format!("a seal with {more} bytes"), chain([piece(&real), stored(&seal, true)]));
        add(&format!("a seal with {more} bytes behind a mark"), chain([[piece(&real), mark()].concat(), seal]));
    }
    traps
}

/// Blocks that reach back, over marks and flushes, as far as they may and further.
fn traps_behind() -> Vec<Trap> {
    let mut traps = Vec::new();
    let mut add = |what: &str, bytes: Vec<u8>| traps.push((what.to_owned(), bytes));
    add("dictionaries", hauled(&prose(1, 300_000), CodecName::Zlib, 6, 10_000));
    add("flushes", pigz(&prose(1, 300_000), 10_000, false));
    let begun = || Fixed::default().begin(false);
    let last = |distance| Fixed::default().begin(true).repeat(258, distance).end();
    for (before, distance) in [(32_768, 32_768), (32_768, 32_767), (40_000, 32_768), (5, 5), (5, 6), (32_767, 32_768)] {
        let data = noise(11, before);
        for (what, between) in [("a mark", mark()), ("a flush", FLUSH.to_vec()), ("nothing", Vec::new())] {
            let first: Vec<u8> = data.chunks(60_000).flat_map(|part| stored(part, false)).collect();
            let what = format!("{distance} back over {what}, of {before}");
            add(&what, chain([first.clone(), between.clone(), last(distance)]));
            let pieces = [first, between.clone(), begun().repeat(258, distance).end_with_mark(), last(distance)];
            add(&format!("{what}, twice"), chain(pieces));
        }
    }
    // All but one of them are pieces on their own.
    for length in [100, 1_000, 9_000, 40_000] {
        let own = |number: u64| piece(&prose(number, length));
        for pieces_back in 1..=5_u32 {
            let distance = (length as u32 * pieces_back).min(32_768);
            let fifth = begun().repeat(258, distance).literals(b"fifth").end_with_mark();
            let what = format!("the fifth piece reaches {distance} back, of {length} each");
            add(&what, chain([own(1), own(2), own(3), own(4), fifth.clone(), own(5), last(distance)]));
            let seventh = begun().literals(b"seventh").repeat(3, distance).end_with_mark();
            let pieces = [own(1), own(2), own(3), own(4), fifth, own(5), seventh, own(6), last(1)];
            add(&format!("{what}, the seventh, too"), chain(pieces));
        }
        // After a first member, which is not part of the second's past.
        let before = gzip(&prose(20, length), 6);
        for odd in [0, 1] {
            // With these extra flags it does not look like the start of one.
            let header = [&HEADER[..8], &[odd, 3]].concat();
            for (what, ending) in [("", prose(21, 50)), (" of nothing", Vec::new())] {
                let end = [deflated(&ending, 6), vec![0; 8]].concat();
                for distance in [50, 99, 100, 101, 300] {
                    let own = own(1);
                    let two = [&HEADER[..], &own, &end, &header, &piece(&[7; 100]), &last(distance), &[0; 8]].concat();
                    let what = format!("{distance} back behind an end{what}, odd {odd}, {length} before");
                    add(&what, mended_as_if_joined(two.clone()));
                    add(&format!("{what}, behind a member"), mended_as_if_joined([before.clone(), two].concat()));
                }
            }
        }
    }
    traps
}

/// The same as mended, and also where the last member reaches back to the one before: its trailer then says what comes
/// out of a reader that goes on with what it had.
fn mended_as_if_joined(mut bytes: Vec<u8>) -> Vec<u8> {
    mend(&mut bytes);
    if Reading::of(&bytes).clean {
        return bytes;
    }
    let whole = Reading::of(&bytes).out;
    // The member's first hundred bytes are all that came before the damage; what it would repeat is in front of them.
    let start = whole.len() - 100;
    let mut data = whole.clone();
    let distance = DISTANCES.into_iter().find(|distance| {
        let tail = Fixed::default().begin(true).repeat(258, *distance as u32).end();
        bytes[..bytes.len() - 8].ends_with(&tail)
    });
    let distance = distance.expect("one of those that are tried");
    for _ in 0..258 {
        data.push(data.len().checked_sub(distance).map_or(0, |place| data[place]));
    }
    let end = bytes.len();
    bytes[end - 8..].copy_from_slice(&trailer(&data[start..]));
    bytes
}

/// How far blocks reach back behind an end.
const DISTANCES: [usize; 5] = [50, 99, 100, 101, 300];

/// Members, and what is between and behind them.
fn traps_of_members() -> Vec<Trap> {
    let mut traps = Vec::new();
    let mut add = |what: &str, bytes: Vec<u8>| traps.push((what.to_owned(), bytes));
    let text = prose(30, 120_000);
    add("empty members", gzip(b"", 6).repeat(6_000));
    add("empty members of BGZF", BGZF_END.repeat(6_000));
    add("members of a byte", (0..4_000_u32).flat_map(|number| gzip(&[number as u8], 6)).collect());
    for (extra, name, comment) in [(0, 100_000, 0), (65_535, 0, 0), (65_535, 100_000, 70_000)] {
        let headed = [&full_header(extra, name, comment)[..], &deflated(&text, 6), &trailer(&text)].concat();
        let what = format!("a header of {} bytes", extra + name + comment);
        add(&what, [&headed[..], &gzip(b"more", 6)].concat());
        add(&format!("{what} behind others"), [&bgzf(&text, 10_000)[..], &headed].concat());
        add(&format!("{what} cut"), headed[..name / 2 + extra / 2 + 20].to_vec());
        let mut wrong = headed.clone();
        wrong[20] ^= 2;
        add(&format!("{what}, of which a byte is wrong"), wrong);
    }
    let (sized, plain, ours) = (bgzf(&text, 10_000), gzip(&text, 6), hauled(&text, CodecName::Zlib, 6, 9_000));
    for (what, parts) in [
        ("BGZF, then plain", [&sized, &plain]),
        ("plain, then BGZF", [&plain, &sized]),
        ("BGZF, then haul", [&sized, &ours]),
        ("haul, then BGZF", [&ours, &sized]),
        ("haul, then plain", [&ours, &plain]),
        ("plain, then haul", [&plain, &ours]),
    ] {
        for (tail, bytes) in [
            ("", &b""[..]),
            ("a zero", b"\0"),
            ("zeros", &[0; 100]),
            ("junk", b"junk"),
            ("zeros and a member", b"\0\0\x1f\x8b\x08\0\0\0\0\0\0\x03"),
            ("a bad member", b"\x1f\x8b\x08\xff23456789"),
            ("half a header", &HEADER[..7]),
        ] {
            add(&format!("{what}, {tail}"), [parts[0], parts[1], bytes].concat());
            add(&format!("{what}, {tail} between"), [parts[0], bytes, parts[1]].concat());
        }
    }
    // Sizes that lie, in the first member, one in the middle, and the last.
    let blocks: Vec<Vec<u8>> = text.chunks(10_000).map(|part| bgzf_block(part, 6)).collect();
    for number in [0, 5, blocks.len() - 1] {
        let size = blocks[number].len() - 1;
        for lie in [0, 1, 27, size / 2, size - 9, size - 1, size + 1, size + 28, size + 29, 65_535] {
            let mut lying = blocks.clone();
            lying[number][16..18].copy_from_slice(&(lie as u16).to_le_bytes());
            add(&format!("member {number} of {size} bytes says {lie}"), [lying.concat(), BGZF_END.to_vec()].concat());
        }
        for lie in [0_u32, 1, 9_999, 1 << 20, u32::MAX] {
            let mut lying = blocks.clone();
            lying[number][size - 3..].copy_from_slice(&lie.to_le_bytes());
            add(&format!("member {number} says it has {lie} bytes"), [lying.concat(), BGZF_END.to_vec()].concat());
        }
    }
    for junk in [b"\x1f".as_slice(), b"a", b"\0", b"\0\x1f\x8b", b"\x1f\x8b\x08"] {
        add(&format!("{junk:?} alone"), junk.to_vec());
        add(&format!("{junk:?} behind empty members"), [gzip(b"", 6).repeat(2_000), junk.to_vec()].concat());
    }
    traps
}

/// Reads each trap by every route, with one worker, two or three, and by GNU gzip.
fn check_traps(what: &str, traps: &[Trap]) {
    let mut damaged = 0;
    for (number, (name, bytes)) in traps.iter().enumerate() {
        let workers = if is_thorough() { &[1, 2, 3][..] } else { &[1 + number % 3] };
        let bench = Bench::new([bytes.as_slice()]);
        let reading = bench.readings().next().expect("one").clone();
        damaged += usize::from(!reading.clean);
        assert!(reading.lenient.is_none(), "{name}");
        for way in Way::all(workers) {
            bench.check_files(way, |_| name.clone());
        }
        bench.check_tests(Way::new(RouteName::Pieces, 2), name);
        if have_gzip() {
            let source = std::fs::File::open(bench.path(0)).expect("open a file");
            let output = Command::new("gzip").arg("-dc").stdin(source).output().expect("run gzip");
            // Of a single byte there GNU says that the file ends too early; its bytes are the same.
            let ends_in_a_byte = reading.trailing && output.status.code() == Some(1);
            assert_eq!(output.status.code() != Some(1) || ends_in_a_byte, reading.clean, "{name}: {}", output.status);
            assert_eq!(output.status.success(), reading.clean && !reading.trailing, "{name}: {}", output.status);
            assert!(!reading.clean || output.stdout == reading.out, "{name}: gzip reads something else");
        }
    }
    say(&format!("routes: {} traps {what}, {damaged} of them damaged", traps.len()));
}

fn have_gzip() -> bool {
    static HAVE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *HAVE.get_or_init(|| have("gzip"))
}

#[test]
fn data_that_looks_like_marks_and_members_is_data() {
    check_traps("in data", &traps_in_data());
}

#[test]
fn blocks_reach_back_as_far_as_they_may() {
    check_traps("behind", &traps_behind());
}

#[test]
fn members_of_every_shape_are_read() {
    check_traps("of members", &traps_of_members());
}

/// libdeflate takes a length that means nothing for the longest one. What comes out then is what its CRC says, or none.
#[test]
fn what_only_libdeflate_can_read_becomes_nothing_else() {
    let data = [b'a'; 259];
    let nearly = Fixed::default().begin(true).literals(b"a").any(287).raw(0, 5).end();
    let file = member(&nearly, &data);
    let bench = Bench::new([&file[..], &[&gzip(b"more", 6)[..], &file].concat()]);
    for (reading, expected) in bench.readings().zip([&data[..], &[b"more", &data[..]].concat()]) {
        assert!(!reading.clean);
        assert_eq!(reading.lenient.as_deref(), Some(expected));
    }
    for way in Way::all(&[1, 2]) {
        bench.check_files(way, |_| "a length of 287".to_owned());
    }
}

/// Files that do not fit a buffer, compressed or not.
fn large() -> Vec<Trap> {
    let (noise, text) = (noise(40, 5_200_000), prose(41, 300_000).repeat(16));
    // Marks at every distance from the start of a read, whatever its length.
    let marked = noise[..2_600_000].chunks(3_997).map(|part| [stored(part, false), mark()].concat());
    let name = [&full_header(0, 2_300_000, 0)[..], &deflated(&text, 1), &trailer(&text)].concat();
    let named = [
        ("a name of 2.3 MB, then haul", [name, hauled(&text, CodecName::Zlib, 1, 90_000)].concat()),
        ("pieces of 3 MB that do not shrink", hauled(&noise, CodecName::Libdeflate, 0, 3_000_000)),
        ("pieces of 3 MB that shrink", hauled(&text, CodecName::Libdeflate, 1, 3_000_000)),
        ("one block of 5 MB of text", hauled(&text, CodecName::Libdeflate, 1, 5_000_000)),
        ("dictionaries", hauled(&[&text[..2_000_000], &noise[..2_000_000]].concat(), CodecName::Zlib, 1, 70_000)),
        ("zeros in pieces", hauled(&vec![0; 50 << 20], CodecName::Libdeflate, 1, 1 << 20)),
        ("zeros in one piece", hauled(&vec![0; 30 << 20], CodecName::Libdeflate, 1, 30 << 20)),
        ("noise flushed every 2.5 MB", pigz(&noise, 2_500_000, true)),
        ("one member of noise", gzip(&noise, 0)),
        ("BGZF of noise", bgzf(&noise, 60_000)),
        ("a member of noise, then BGZF of text", [gzip(&noise[..3_000_000], 0), bgzf(&text, 60_000)].concat()),
        (
            "BGZF of noise, then haul",
            [bgzf(&noise[..3_000_000], 9_000), hauled(&text, CodecName::Zlib, 1, 90_000)].concat(),
        ),
        ("marks everywhere", chain(marked.chain([stored(b"", true)]))),
    ];
    named.map(|(what, bytes)| (what.to_owned(), bytes)).to_vec()
}

#[test]
fn what_fits_no_buffer_is_read() {
    let files = large();
    for (what, bytes) in &files {
        let bench = Bench::new([bytes.as_slice()]);
        for route in ROUTES {
            bench.check_tests(Way::new(route, 1), what);
            bench.check_files(Way::new(route, 2), |_| what.clone());
        }
    }
    // Damaged behind what is looked at before a route is chosen.
    let mut damaged = 0;
    for (turn, (what, whole)) in files.iter().enumerate().filter(|(_, (_, bytes))| bytes.len() > 2_200_000) {
        let places = noise(turn as u64, 8 * many(2, 6));
        let places = places.chunks(8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("8")) as usize);
        let cut_or_flipped = places.enumerate().map(|(number, place)| {
            let place = 1_000_000 + place % (whole.len() - 1_000_000);
            let mut bytes = whole.clone();
            if number % 2 == 0 {
                bytes.truncate(place);
            } else {
                bytes[place] ^= 1 << (number / 2);
            }
            bytes
        });
        for bytes in cut_or_flipped {
            let bench = Bench::new([bytes.as_slice()]);
            damaged += 1;
            bench.check_files(Way::new(RouteName::Pieces, 1), |_| format!("{what}, damaged"));
            bench.check_files(Way::new(RouteName::Auto, 3), |_| format!("{what}, damaged"));
        }
    }
    say(&format!("routes: {} large files, {damaged} of damaged ones", files.len()));
}

#[test]
fn reads_of_every_length_find_the_same() {
    let files = structured();
    let bench = Bench::new(files.iter().map(|(_, bytes)| bytes.as_slice()));
    for buffer in [1, 2, 9, 10, 17, 4_096] {
        for way in Way::all(&[1, 2]) {
            bench.check_files(Way { buffer: Some(buffer), ..way }, |number| files[number].0.to_owned());
        }
    }
    // Only behind so many bytes is a file read piece by piece.
    let data = noise(50, 2_300_000);
    let marked = data.chunks(3_997).map(|part| [stored(part, false), mark()].concat());
    let flushed = data.chunks(4_091).map(|part| [stored(part, false), FLUSH.to_vec()].concat());
    let [marked, flushed] = [chain(marked.chain([stored(b"", true)])), chain(flushed.chain([stored(b"", true)]))];
    let members: Vec<u8> = data.chunks(40_003).flat_map(|part| gzip(part, 0)).collect();
    for (what, bytes) in [("marks", marked), ("flushes", flushed), ("members", members), ("BGZF", bgzf(&data, 65_000))]
    {
        let bench = Bench::new([bytes.as_slice()]);
        let buffers: &[u64] = if what == "BGZF" { &[4_096, 65_536] } else { &[9, 4_096, 65_536] };
        for buffer in buffers {
            let way = Way { buffer: Some(*buffer), ..Way::new(RouteName::Pieces, 2) };
            bench.check_files(way, |_| format!("{what}, {buffer} bytes a read"));
        }
    }
}

/// What `haul gunzip -c` gives of a damaged file: what came before the damage, all of it, and nothing else.
#[track_caller]
fn check_stdout(sandbox: &Sandbox, what: &str, bytes: &[u8], reading: &Reading, way: Way) {
    sandbox.write("file.gz", bytes);
    let words = format!("gunzip -c file.gz --route {} --workers {}", way.route.name(), way.workers);
    let run = sandbox.haul(&words).run().code(i32::from(!reading.clean || reading.trailing));
    let (got, expected) = (run.out.len(), reading.out.len());
    assert!(run.out == reading.out, "{what}: {got} bytes came out, not the {expected} of a plain reader, {words}");
}

#[test]
fn what_came_before_the_damage_is_all_on_standard_output() {
    let sandbox = Sandbox::new();
    let (mut files, mut runs) = (0, 0);
    let mut check = |what: &str, bytes: &[u8], ways: &[Way]| {
        let reading = Reading::of(bytes);
        if reading.lenient.is_none() {
            files += 1;
            runs += ways.len();
            for way in ways {
                check_stdout(&sandbox, what, bytes, &reading, *way);
            }
        }
    };
    for (turn, (what, whole)) in structured().into_iter().enumerate() {
        let ways: Vec<Way> = ROUTES.iter().map(|route| Way::new(*route, 1 + turn % 2)).collect();
        for cut in (0..whole.len()).step_by(many(201, 67)) {
            check(&format!("{what}, cut to {cut}"), &whole[..cut], &ways);
        }
        for place in noise(turn as u64, many(6, 16)).chunks(2) {
            let bit = usize::from(u16::from_le_bytes([place[0], place[1]])) % (whole.len() * 8);
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            check(&format!("{what}, bit {bit} flipped"), &bytes, &ways);
        }
    }
    let traps = [traps_in_data(), traps_behind(), traps_of_members()].concat();
    for (turn, (what, bytes)) in traps.iter().enumerate() {
        check(what, bytes, &[Way::new(ROUTES[turn % ROUTES.len()], 1 + turn % 2)]);
    }
    say(&format!("routes: {files} files to standard output, {runs} runs"));
}

#[test]
fn no_more_comes_out_than_is_allowed() {
    let text = prose(60, 700_000);
    let files = [
        ("haul", hauled(&text, CodecName::Libdeflate, 1, 70_000)),
        ("haul with dictionaries", hauled(&text, CodecName::Zlib, 1, 70_000)),
        ("BGZF", bgzf(&text, 60_000)),
        ("one member", gzip(&text, 1)),
        ("members", text.chunks(9_000).flat_map(|part| gzip(part, 1)).collect()),
    ];
    for (turn, (what, bytes)) in files.iter().enumerate() {
        let sandbox = Sandbox::new();
        sandbox.write("file.gz", bytes);
        for (number, way) in Way::all(&[1, 2]).into_iter().enumerate() {
            let words = format!("--route {} --workers {}", way.route.name(), way.workers);
            sandbox.haul(format!("gunzip -k file.gz --max-output 700000 {words}")).run().ok().silent();
            assert!(sandbox.read("file") == text, "{what}, {words}");
            sandbox.remove("file");
            let limit = [699_999, 0, 1, 60_000, 123_456][(turn + number) % 5];
            for output in ["-k", "-t", "-c"] {
                let words = format!("gunzip {output} file.gz --max-output {limit} {words}");
                let run = sandbox.haul(&words).run().code(1).says_in_one_line(&["file.gz", "--max-output"]);
                let expected = if output == "-c" { &text[..limit] } else { b"" };
                assert!(run.out == expected, "{what}: {} bytes came out, {words}", run.out.len());
                assert_eq!(sandbox.list("").len(), 1, "{what}, {words}");
            }
        }
    }
}

#[test]
fn a_bomb_is_not_inflated_further_than_is_allowed() {
    let zeros = vec![0; 100 << 20];
    let (plain, ours) = (gzip(&zeros, 1), hauled(&zeros, CodecName::Libdeflate, 1, 1 << 20));
    for (what, bytes) in [("one member", plain), ("haul", ours)] {
        let sandbox = Sandbox::new();
        sandbox.write("bomb.gz", &bytes);
        for way in Way::all(&[1, 2]) {
            let words =
                format!("gunzip -c bomb.gz --max-output 1M --route {} --workers {}", way.route.name(), way.workers);
            let run = sandbox.haul(&words).run().code(1).says_in_one_line(&["bomb.gz", "--max-output"]);
            assert!(run.out.len() == 1 << 20, "{what}: {} bytes came out, {words}", run.out.len());
        }
        // A file of no more than that many bytes may be made: whoever allows a megabyte may have room for two.
        let haul = common::run::binary().display();
        for route in ROUTES {
            let route = route.name();
            let script =
                format!("ulimit -f 2048; '{haul}' gunzip -k --max-output 1M --route {route} bomb.gz 2>/dev/null");
            let status =
                common::run::command("sh").args(["-c", &script]).current_dir(sandbox.path("")).status().expect("sh");
            assert_eq!(status.code(), Some(1), "{what}, {route}");
            assert_eq!(sandbox.list("").len(), 1, "{what}, {route}");
        }
    }
}

/// How a file is made and changed, and what is in it: text or anything.
fn choices() -> impl Strategy<Value = Vec<u8>> {
    let made = proptest::collection::vec(any::<u8>(), 3..32);
    let noise = proptest::collection::vec(any::<u8>(), 0..2_000);
    let text = proptest::collection::vec(prop::sample::select(b"abc \0\xff".to_vec()), 0..8_000);
    (made, prop_oneof![noise, text]).prop_map(|(made, data)| [made, data].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(many(200, 500) as u32) })]

    /// The same as the fuzz target does.
    #[test]
    fn a_file_of_any_choices_is_read_as_a_plain_reader_does(choices in choices()) {
        check_routes(&from_choices(&choices));
    }
}
