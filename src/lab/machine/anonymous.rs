//! What an anonymous report leaves out of a machine's description, and what it keeps to be told from others.

use super::Machine;

/// Stands in place of the value of a mount option that is left out.
const LEFT_OUT: &str = "…";

/// Mount options whose values explain figures and are words of the kernel's, never names, paths or addresses (mount(8),
/// and the documentation of each file system).
const PLAIN: [&str; 30] = [
    "access",
    "alloc_mode",
    "background_gc",
    "cache",
    "cache_strategy",
    "compress",
    "compress-force",
    "compress_algorithm",
    "compression",
    "data",
    "dax",
    "discard",
    "errors",
    "fsync_mode",
    "huge",
    "index",
    "iocharset",
    "local_lock",
    "lookupcache",
    "metacopy",
    "mode",
    "proto",
    "redirect_dir",
    "sec",
    "size",
    "space_cache",
    "trans",
    "vers",
    "whint_mode",
    "xino",
];

impl Machine {
    /// Leaves out what tells whose machine this is: host name, the disk's serial number, the file system's UUID, and
    /// values of mount options that may be paths, names, addresses or UUIDs ("subvol=…", "addr=…"). The `identity` stays,
    /// or is made now where a report has none yet, so that two anonymous reports can be told to be of the same machine
    /// and disk.
    ///
    /// That hides nothing from somebody who can guess host name, serial number and UUID: they can compute the same hash,
    /// which is fast and has no key. It only leaves out the plain text. What else is in a report, such as its command
    /// line, is not changed here.
    pub fn anonymous(&mut self) {
        self.identify();
        self.host = None;
        self.file_system_uuid = None;
        if let Some(disk) = &mut self.disk {
            disk.serial = None;
        }
        self.mount_options = self.mount_options.as_deref().map(without_names);
    }

    /// Computes the `identity`, unless there is one.
    pub(super) fn identify(&mut self) {
        let serial = self.disk.as_ref().and_then(|disk| disk.serial.as_deref());
        let parts = [self.host.as_deref(), serial, self.file_system_uuid.as_deref()];
        if self.identity.is_none() && parts.iter().any(Option::is_some) {
            // None of them holds a zero byte, so that what ends one cannot begin the next.
            self.identity = Some(format!("{:016x}", fnv1a(parts.map(Option::unwrap_or_default).join("\0").as_bytes())));
        }
    }
}

/// The 64-bit hash FNV-1a by Fowler, Noll and Vo (draft-eastlake-fnv). It must be the same in every release of ours,
/// which `std` does not promise of its hashes.
fn fnv1a(bytes: &[u8]) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// Mount options with those values only that are numbers or plain words. What is not known to be plain is left out, for
/// there are many file systems. An option without a value is kept where it is a word; a comma in a path would make one of
/// the path's end.
fn without_names(options: &str) -> String {
    let kept = options.split(',').map(|option| match option.split_once('=') {
        None if is_word(option) => option.to_owned(),
        None => LEFT_OUT.to_owned(),
        Some((_, value)) if is_number(value) => option.to_owned(),
        Some((name, value)) if PLAIN.contains(&name) && is_plain(value) => option.to_owned(),
        Some((name, _)) => format!("{name}={LEFT_OUT}"),
    });
    kept.collect::<Vec<_>>().join(",")
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Words and numbers such as "zstd:3", "4.2", "50%", "v2", "remount-ro".
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'.' | b'%'))
}

/// Digits with a unit: "256", "24684084k", "50%".
fn is_number(text: &str) -> bool {
    let digits = text.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G', '%']).unwrap_or(text);
    // Longer ones are none of the kernel's numbers, of 64 bits, but may be identifiers.
    (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::Disk;
    use super::*;

    fn machine(host: Option<&str>, serial: Option<&str>, uuid: Option<&str>) -> Machine {
        let mut machine = Machine {
            host: host.map(str::to_owned),
            file_system_uuid: uuid.map(str::to_owned),
            disk: Some(Disk { name: "sda".into(), serial: serial.map(str::to_owned), ..Disk::default() }),
            mount_options: Some("rw,subvol=/@alice".into()),
            ..Machine::default()
        };
        machine.identify();
        machine
    }

    #[test]
    fn the_hash_is_that_of_its_authors() {
        // From the test vectors of the draft.
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8_u64)]
        {
            assert_eq!(fnv1a(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn identities_differ_with_each_part() {
        let (a, b) = (Some("a"), Some("b"));
        let parts =
            [(a, b, None), (a, None, b), (None, a, b), (Some("ab"), None, None), (a, b, a), (b, b, a), (a, a, a)];
        let identities = parts.map(|(host, serial, uuid)| machine(host, serial, uuid).identity.unwrap());
        for (i, one) in identities.iter().enumerate() {
            assert_eq!(one.len(), 16);
            assert!(!identities[..i].contains(one), "{:?}", parts[i]);
        }
        // What older reports hold must be found again.
        assert_eq!(machine(Some("host"), Some("S1"), Some("1A2B-3C4D")).identity.as_deref(), Some("712213e738c37016"));
        assert_eq!(machine(None, None, None).identity, None);
    }

    #[test]
    fn an_anonymous_machine_keeps_its_identity_and_nothing_it_is_made_of() {
        let known = machine(Some("host"), Some("S1"), Some("1A2B-3C4D"));
        let mut anonymous = known.clone();
        anonymous.anonymous();
        let disk = Disk { name: "sda".into(), ..Disk::default() };
        let mount_options = Some("rw,subvol=…".to_owned());
        let expected =
            Machine { identity: known.identity.clone(), disk: Some(disk), mount_options, ..Machine::default() };
        assert_eq!(anonymous, expected);
        // Once more changes nothing; a report without an identity gets one.
        anonymous.anonymous();
        assert_eq!(anonymous, expected);
        let mut old = Machine { identity: None, ..known };
        old.anonymous();
        assert_eq!(old, expected);
    }

    #[test]
    fn mount_options_keep_what_explains_figures() {
        for (options, anonymous) in [
            ("rw,relatime,discard,resuid=65534", "rw,relatime,discard,resuid=65534"),
            ("rw,compress=zstd:3,subvolid=256,subvol=/@home/alice", "rw,compress=zstd:3,subvolid=256,subvol=…"),
            ("rw,size=24684084k,mode=755,data=ordered", "rw,size=24684084k,mode=755,data=ordered"),
            ("rw,vers=4.2,proto=tcp,addr=10.0.0.1,clientaddr=fe80::1", "rw,vers=4.2,proto=tcp,addr=…,clientaddr=…"),
            ("rw,username=alice,uid=1000,file_mode=0755", "rw,username=…,uid=1000,file_mode=0755"),
            ("rw,logdev=/dev/sdb1,huge=within_size", "rw,logdev=…,huge=within_size"),
            ("rw,uuid=0f3c,journal=12345678901234567890123,errors=/x", "rw,uuid=…,journal=…,errors=…"),
            ("rw,space_cache=v2,commit=,/alice", "rw,space_cache=v2,commit=…,…"),
            ("", ""),
        ] {
            assert_eq!(without_names(options), anonymous);
        }
    }
}
