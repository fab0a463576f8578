use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

#[cfg(any(test, feature = "tuning"))]
use crate::Error;

/// The text of a parameter below `/proc/sys`; `None` where there is no such file.
///
/// The kernel gives a parameter in the first read() and nothing in the next (kernel/sysctl.c, `*ppos`), so a value longer
/// than the first buffer is cut: `std::fs::read` begins with 32 bytes.
#[cfg(any(test, feature = "tuning"))]
pub(crate) fn read(path: &Path) -> Result<Option<String>, Error> {
    match read_whole(path) {
        Ok(text) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::ReadFile { path: path.to_owned(), cause }),
    }
}

pub(super) fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for length in [USUAL, LONGEST] {
        text = vec![0; length];
        let filled = File::open(path)?.read(&mut text)?;
        text.truncate(filled);
        if filled < length {
            break;
        }
    }
    Ok(text)
}

const USUAL: usize = 4096;
/// Above the longest list of reserved ports: runs of two with a gap of one, 12 characters for each 3 of 65536 ports.
const LONGEST: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_reserved_ports_is_read_whole() -> Result<(), twscan_lab::Error> {
        twscan_lab::test_in_netns(|net| {
            for step in [3, 400] {
                let ports: Vec<_> = (1024..=65_535_u32).step_by(step).map(|port| port.to_string()).collect();
                let list = ports.join(",");
                net.set_sysctl("net.ipv4.ip_local_reserved_ports", &list).unwrap();
                let path = Path::new("/proc/sys/net/ipv4/ip_local_reserved_ports");
                let found = net.run(|| read(path)).unwrap().unwrap().unwrap();
                assert_eq!(found.trim_end(), list);
            }
        })
    }
}
