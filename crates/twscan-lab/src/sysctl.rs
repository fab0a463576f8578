use std::fs;
use std::path::PathBuf;

use crate::Error;
use crate::private::require_private;

/// Writes a sysctl of the calling thread's network namespace, which must be a private one.
pub(crate) fn set(key: &str, value: &str) -> Result<(), Error> {
    let path = path(key)?;
    require_private()?;
    fs::write(&path, value).map_err(|error| Error::os(format!("write {value:?} to {}", path.display()), error))
}

/// Reads a sysctl of the calling thread's network namespace.
pub(crate) fn get(key: &str) -> Result<String, Error> {
    let path = path(key)?;
    let text = fs::read_to_string(&path).map_err(|error| Error::os(format!("read {}", path.display()), error))?;
    Ok(text.trim_end().to_owned())
}

/// The kernel resolves everything under /proc/sys/net in the namespace of the thread that opens
/// it; anything outside that directory is the host's.
fn path(key: &str) -> Result<PathBuf, Error> {
    let well_formed = key.starts_with("net.") && !key.contains('/');
    if !well_formed {
        return Err(Error::NotANetworkSysctl { key: key.to_owned() });
    }
    Ok(PathBuf::from("/proc/sys").join(key.replace('.', "/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_network_keys_have_a_path() {
        assert_eq!(path("net.ipv4.tcp_tw_reuse").unwrap(), PathBuf::from("/proc/sys/net/ipv4/tcp_tw_reuse"));
        for key in ["kernel.pid_max", "net", "net.ipv4/../../kernel", "/etc/passwd"] {
            assert!(matches!(path(key), Err(Error::NotANetworkSysctl { .. })), "{key}");
        }
    }
}
