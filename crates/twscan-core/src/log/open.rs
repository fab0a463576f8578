use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::options::LogOptions;
use super::reader::LogReader;

/// Opens a log file, plain or compressed; its contents and not its name decide.
///
/// The file's modification time becomes the options' [`reference`](LogOptions::reference) unless they have one.
///
/// # Errors
///
/// The file cannot be opened, or its first bytes cannot be read.
pub fn open(path: &Path, options: LogOptions) -> io::Result<LogReader<Box<dyn Read + Send>>> {
    let file = File::open(path)?;
    let modified = file.metadata()?.modified().ok();
    Ok(LogReader::new(decompress(file)?, options.reference_if_none(modified)))
}

/// The text of a stream that may be compressed with gzip (RFC 1952) or zstd (RFC 8878), by its first bytes.
///
/// Several compressed parts in a row, as log rotation leaves them, are one text.
///
/// # Errors
///
/// The first bytes cannot be read.
pub fn decompress(mut input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(ZSTD.len());
    // A pipe may give these bytes one by one.
    Read::take(&mut input, 4).read_to_end(&mut magic)?;
    let (is_gzip, is_zstd) = (magic.starts_with(&GZIP), magic == ZSTD);
    let whole = io::Cursor::new(magic).chain(input);
    Ok(if is_gzip {
        Box::new(MultiGzDecoder::new(whole))
    } else if is_zstd {
        Box::new(ZstdFrames { frame: Frame::Between(BufReader::with_capacity(64 * 1024, Box::new(whole))) })
    } else {
        Box::new(whole)
    })
}

type Compressed = BufReader<Box<dyn Read + Send>>;

/// One zstd frame after the other.
struct ZstdFrames {
    frame: Frame,
}

enum Frame {
    Between(Compressed),
    Within(Box<StreamingDecoder<Compressed, ruzstd::decoding::FrameDecoder>>),
    Ended,
}

impl Read for ZstdFrames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.frame, Frame::Ended) {
                Frame::Between(mut input) => {
                    if io::BufRead::fill_buf(&mut input)?.is_empty() {
                        return Ok(0);
                    }
                    let decoder = StreamingDecoder::new_with_max_window_size(input, LARGEST_WINDOW).map_err(invalid)?;
                    self.frame = Frame::Within(Box::new(decoder));
                }
                Frame::Within(mut decoder) => match decoder.read(buffer)? {
                    0 if !buffer.is_empty() => self.frame = Frame::Between(decoder.into_inner()),
                    read => {
                        self.frame = Frame::Within(decoder);
                        return Ok(read);
                    }
                },
                Frame::Ended => return Ok(0),
            }
        }
    }
}

fn invalid(cause: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

/// What the zstd tool itself accepts unasked: `--long=27`, in bytes. A hostile file could ask for any amount.
const LARGEST_WINDOW: u64 = 128 << 20;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
