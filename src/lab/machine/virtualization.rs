//! Whether a hypervisor or a container is between us and the hardware, from what every user may read.

use super::{line, processors};
use crate::lab::probe::proc;

/// Words in the clock sources that a kernel offers, by which a guest knows its hypervisor.
const CLOCKS: [(&str, &str); 3] = [("kvm-clock", "KVM"), ("hyperv", "Hyper-V"), ("xen", "Xen")];

/// Words in the names of vendor and product, in small letters. What a cloud sells may be bare metal: without the
/// processor's own word only what is nothing but virtual counts.
const PRODUCTS: [(&str, &str); 9] = [
    ("vmware", "VMware"),
    ("virtualbox", "VirtualBox"),
    ("qemu", "QEMU"),
    ("kvm", "KVM"),
    ("parallels", "Parallels"),
    ("bhyve", "bhyve"),
    ("virtual machine", "Hyper-V"),
    ("hvm domu", "Xen"),
    ("google compute engine", "Google Compute Engine"),
];

/// Words in the paths of control groups, and what container managers call themselves.
const CONTAINERS: [(&str, &str); 9] = [
    ("kubepods", "Kubernetes"),
    ("docker", "Docker"),
    ("podman", "Podman"),
    ("libpod", "Podman"),
    ("containerd", "containerd"),
    ("systemd-nspawn", "systemd-nspawn"),
    ("lxc", "LXC"),
    ("garden", "Garden"),
    ("oci", ANY_CONTAINER),
];

const ANY_CONTAINER: &str = "a container";

/// The hypervisor before the container: "KVM, Docker". `None` where there is no sign of either.
pub(super) fn of_this_machine(cpuinfo: &str) -> Option<String> {
    let hypervisor = hypervisor(&Hardware {
        xen: line("/sys/hypervisor/type").unwrap_or_default(),
        clocks: line("/sys/devices/system/clocksource/clocksource0/available_clocksource").unwrap_or_default(),
        product: ["sys_vendor", "product_name"]
            .map(|name| line(format!("/sys/class/dmi/id/{name}")).unwrap_or_default())
            .join(" "),
        flag: processors::is_virtual(cpuinfo),
    });
    let container = container(&Traces {
        manager: line("/run/systemd/container").or_else(|| std::env::var("container").ok()).unwrap_or_default(),
        docker: proc::read("/.dockerenv").is_some(),
        podman: proc::read("/run/.containerenv").is_some(),
        groups: proc::read("/proc/1/cgroup").unwrap_or_default(),
    });
    let both: Vec<&str> = hypervisor.into_iter().chain(container).collect();
    (!both.is_empty()).then(|| both.join(", "))
}

/// Whether what a machine runs in ([`super::Machine::virtualization`]) is more than a container.
pub(crate) fn is_virtual_machine(virtualization: &str) -> bool {
    let first = virtualization.split(", ").next().unwrap_or_default();
    CONTAINERS.iter().all(|(_, name)| *name != first)
}

/// What the hardware says of itself; empty where it says nothing.
#[derive(Debug, Default)]
struct Hardware {
    /// /sys/hypervisor/type, which only Xen has.
    xen: String,
    clocks: String,
    product: String,
    /// The processors' flag "hypervisor" (x86 only).
    flag: bool,
}

fn hypervisor(hardware: &Hardware) -> Option<&'static str> {
    if hardware.xen == "xen" {
        return Some("Xen");
    }
    let named = |words: &str, names: &[(&str, &'static str)]| {
        let words = words.to_ascii_lowercase();
        names.iter().find(|(word, _)| words.contains(word)).map(|(_, name)| *name)
    };
    named(&hardware.clocks, &CLOCKS)
        .or_else(|| named(&hardware.product, &PRODUCTS))
        .or_else(|| hardware.flag.then_some("a virtual machine"))
}

/// What containers leave lying about.
#[derive(Debug, Default)]
struct Traces {
    /// What the manager wrote down, or told its first process: "docker", "podman", "lxc".
    manager: String,
    /// Whether there is a /.dockerenv.
    docker: bool,
    /// Whether there is a /run/.containerenv.
    podman: bool,
    /// Control groups of the first process, which a namespace of its own hides.
    groups: String,
}

fn container(traces: &Traces) -> Option<&'static str> {
    let named = |words: &str| CONTAINERS.iter().find(|(word, _)| words.contains(word)).map(|(_, name)| *name);
    if traces.groups.contains("kubepods") {
        Some("Kubernetes")
    } else if traces.podman {
        Some("Podman")
    } else if traces.docker {
        Some("Docker")
    } else if !traces.manager.is_empty() {
        named(&traces.manager).or(Some(ANY_CONTAINER))
    } else {
        // A service of the host may be called "docker" or "containerd" as well; its first process is in none.
        named(&traces.groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypervisors_are_told_by_what_they_leave() {
        let tsc = "tsc hpet acpi_pm";
        for (xen, clocks, product, flag, name) in [
            ("", tsc, "Dell Inc. PowerEdge R640", false, None),
            ("", tsc, "Amazon EC2 m5.metal", false, None),
            ("", "tsc kvm-clock", " ", true, Some("KVM")),
            ("", "kvm-clock tsc acpi_pm", "Amazon EC2 m5.large", true, Some("KVM")),
            ("", "arch_sys_counter", "QEMU KVM Virtual Machine", false, Some("QEMU")),
            ("", tsc, "VMware, Inc. VMware7,1", true, Some("VMware")),
            ("", tsc, "innotek GmbH VirtualBox", true, Some("VirtualBox")),
            ("", "hyperv_clocksource_tsc_page", "Microsoft Corporation Virtual Machine", true, Some("Hyper-V")),
            ("", tsc, "Microsoft Corporation Surface Laptop", false, None),
            ("xen", "xen tsc", "Xen HVM domU", true, Some("Xen")),
            ("", tsc, "", true, Some("a virtual machine")),
            ("", "", "", false, None),
        ] {
            let hardware = Hardware { xen: xen.into(), clocks: clocks.into(), product: product.into(), flag };
            assert_eq!(hypervisor(&hardware), name, "{hardware:?}");
        }
    }

    #[test]
    fn containers_are_told_by_what_lies_about() {
        for (manager, docker, podman, groups, name) in [
            ("", false, false, "0::/init.scope\n", None),
            ("", true, false, "0::/\n", Some("Docker")),
            ("podman", false, true, "0::/\n", Some("Podman")),
            ("", true, false, "3:cpu:/kubepods/besteffort/pod1/ab\n", Some("Kubernetes")),
            ("", false, false, "12:cpu,cpuacct:/docker/ab12\n", Some("Docker")),
            ("", false, false, "1:name=systemd:/lxc/web\n", Some("LXC")),
            ("systemd-nspawn", false, false, "0::/\n", Some("systemd-nspawn")),
            ("oci", false, false, "", Some("a container")),
            ("flatpak", false, false, "0::/\n", Some("a container")),
            ("", false, false, "", None),
        ] {
            let traces = Traces { manager: manager.into(), docker, podman, groups: groups.into() };
            assert_eq!(container(&traces), name, "{traces:?}");
        }
    }

    #[test]
    fn a_container_alone_is_no_virtual_machine() {
        for (text, is_one) in
            [("KVM", true), ("KVM, Docker", true), ("a virtual machine, a container", true), ("Docker", false)]
        {
            assert_eq!(is_virtual_machine(text), is_one, "{text}");
        }
    }
}
