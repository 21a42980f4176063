//! What must hold of every member that is joined from blocks, and of every walk over a deflate stream. Used by the
//! property tests and by the fuzz targets, which bring the data.

#![allow(dead_code, reason = "each fuzz target uses one of them")]

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};
use haul::codec::compressor::Compressor;
use haul::codec::join::{Joiner, MARK, MARK_ROOM, Marker};
use haul::codec::level::Choice;
use haul::codec::member::Header;
use haul::codec::walk::Walker;
use haul::codec::{Compressed, Ending};

/// Joins `data` into one member, and checks it against two inflaters that are not the compressor's: zlib-rs and
/// libdeflate. Every piece of a codec without dictionary must also inflate alone.
pub(crate) fn check_member(data: &[u8], choice: Choice) {
    let mut compressor = Compressor::new(choice, true).expect("memory");
    let mut joiner = Joiner::default();
    let mut member = Header::plain(6).to_bytes();
    let blocks: Vec<&[u8]> = if data.is_empty() { vec![data] } else { data.chunks(choice.block_bytes).collect() };
    let mut start = 0;
    for (number, block) in blocks.iter().enumerate() {
        let last = number + 1 == blocks.len();
        let dictionary = &data[start - start.min(compressor.dictionary_bytes())..start];
        let mut piece = vec![0; compressor.bound(block.len())];
        let len = compressor.compress(dictionary, block, last, &mut piece).unwrap();
        piece.truncate(len);
        assert!(last || piece.ends_with(&MARK), "a block that another follows, without a mark, {choice:?}");
        if dictionary.is_empty() {
            assert_eq!(inflate(&piece).0, *block, "a piece alone, {choice:?}");
        }
        member.extend_from_slice(&piece);
        let mut crc = Hasher::new();
        crc.update(block);
        joiner.add(&crc, block.len() as u64);
        start += block.len();
    }
    member.extend_from_slice(&joiner.trailer().to_bytes());

    let mut decoder = flate2::bufread::GzDecoder::new(&member[..]);
    let mut back = Vec::new();
    std::io::Read::read_to_end(&mut decoder, &mut back).unwrap();
    assert!(back == data, "zlib-rs reads something else, {choice:?}");
    assert!(decoder.into_inner().is_empty(), "bytes behind the member, {choice:?}");
    let mut back = vec![0; data.len() + 1];
    let len = libdeflater::Decompressor::new().gzip_decompress(&member, &mut back).unwrap();
    assert!(back[..len] == *data, "libdeflate reads something else, {choice:?}");
}

/// Walks over bytes that may be a deflate stream. If they begin with one, the walk must end where inflating ends, and
/// the stream with its end opened and closed again must say what it said before.
pub(crate) fn check_walk(bytes: &[u8]) {
    let (said, status, len) = inflate_checked(bytes);
    let walked = Walker::default().last_block(&bytes[..len]);
    if status != Some(Status::StreamEnd) {
        return;
    }
    let block = walked.expect("zlib-rs reads it");
    assert_eq!(block.end.div_ceil(8), len);
    assert_eq!(bytes[block.header / 8] >> (block.header % 8) & 1, 1, "a final block has BFINAL");
    let mut opened = [&bytes[..len], &[0; MARK_ROOM]].concat();
    let sealed = Marker::default().mark(&mut opened, Compressed { len, ending: Ending::Final }).unwrap();
    opened.truncate(sealed);
    assert_eq!(inflate_checked(&opened).1, Some(Status::BufError), "it goes on");
    // An empty final block of fixed codes.
    opened.extend_from_slice(&[0x03, 0x00]);
    let (again, status, read) = inflate_checked(&opened);
    assert_eq!((status, read), (Some(Status::StreamEnd), sealed + 2));
    assert!(again == said, "the opened stream says something else");
}

fn inflate(stream: &[u8]) -> (Vec<u8>, usize) {
    let (said, status, read) = inflate_checked(stream);
    assert!(status.is_some(), "no deflate stream");
    (said, read)
}

/// What a stream says as far as it goes, how that ended (`None`: it is none), and the bytes read.
fn inflate_checked(stream: &[u8]) -> (Vec<u8>, Option<Status>, usize) {
    let mut inflate = Decompress::new(false);
    let mut said = Vec::new();
    loop {
        said.reserve(1 << 16);
        let read = inflate.total_in() as usize;
        let before = (read, said.len());
        let status = inflate.decompress_vec(&stream[read..], &mut said, FlushDecompress::None);
        let read = inflate.total_in() as usize;
        match status {
            Ok(Status::Ok) if (read, said.len()) != before => {}
            // Nothing moved: this is all there is.
            Ok(Status::Ok | Status::BufError) => return (said, Some(Status::BufError), read),
            Ok(Status::StreamEnd) => return (said, Some(Status::StreamEnd), read),
            Err(_) => return (said, None, read),
        }
    }
}
