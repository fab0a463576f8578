use std::fs;

use super::{Files, OWN_NET, ProcFs, read_optional};

impl ProcFs {
    /// The files that a sample may be asked for, as they are now. What cannot be read is left out, as if the kernel did
    /// not have it.
    pub(crate) fn record(&self) -> Files {
        if let Some(files) = &self.files {
            return files.as_ref().clone();
        }
        let mut names: Vec<String> = FILES.iter().map(|name| (*name).to_owned()).collect();
        names.extend(NET.iter().map(|name| format!("{OWN_NET}/{name}")));
        for directory in DIRECTORIES {
            let entries = fs::read_dir(self.root.join(directory)).into_iter().flatten().flatten();
            let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
            let known = files.filter_map(|entry| entry.file_name().into_string().ok());
            names.extend(known.filter(|name| !name.contains("key")).map(|name| format!("{directory}/{name}")));
        }
        let texts = names.into_iter().filter_map(|name| {
            let bytes = read_optional(&self.root, &name).ok().flatten()?;
            Some((name, bytes))
        });
        let links = LINKS.iter().filter_map(|name| Some(((*name).to_owned(), self.link(name)?.into_bytes())));
        texts.chain(links).collect()
    }
}

/// The monotonic clock, the boot, the kernel; whether ::1 is there.
const FILES: [&str; 7] = [
    "uptime",
    "sys/kernel/random/boot_id",
    "sys/kernel/osrelease",
    "sys/kernel/version",
    "version_signature",
    "sys/kernel/hostname",
    "sys/net/ipv6/conf/lo/disable_ipv6",
];

const NET: [&str; 5] = ["sockstat", "sockstat6", "snmp", "netstat", "protocols"];

/// Every file of these, but for keys (`tcp_fastopen_key` is a secret).
const DIRECTORIES: [&str; 2] = ["sys/net/ipv4", "sys/net/netfilter"];

const LINKS: [&str; 2] = ["thread-self/ns/net", "1/ns/net"];
