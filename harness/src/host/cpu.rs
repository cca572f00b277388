//! The processor as /proc and /sys show it.

use super::facts::first_line;
use std::fs;

pub(super) fn model() -> String {
    cpuinfo("model name").or_else(|| cpuinfo("Model")).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

pub(super) fn online() -> u32 {
    let list = first_line("/sys/devices/system/cpu/online").unwrap_or_default();
    let counts = list.split(',').filter_map(|range| match range.split_once('-') {
        Some((from, to)) => Some(to.parse::<u32>().ok()? - from.parse::<u32>().ok()? + 1),
        None => range.parse::<u32>().ok().map(|_| 1),
    });
    counts.sum()
}

pub(super) fn threads_per_core() -> Option<u32> {
    let siblings = first_line("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")?;
    Some(siblings.split([',', '-']).count() as u32)
}

pub(super) fn caches() -> Vec<String> {
    let index = |number: u32, field: &str| {
        first_line(&format!("/sys/devices/system/cpu/cpu0/cache/index{number}/{field}"))
    };
    let cache = |number| {
        let kind = match index(number, "type")?.as_str() {
            "Data" => "d",
            "Instruction" => "i",
            _ => "",
        };
        let size = index(number, "size")?;
        let size = size.strip_suffix('K').map_or(size.clone(), |kib| format!("{kib} KiB"));
        Some(format!("L{}{kind} {size}", index(number, "level")?))
    };
    (0..8).map_while(cache).collect()
}

/// Vulnerabilities that the kernel works around, with how.
pub(super) fn mitigations() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else { return Vec::new() };
    let mut active: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let how = fs::read_to_string(entry.path()).ok()?;
            let how = how.trim().strip_prefix("Mitigation: ")?.to_owned();
            Some(format!("{}: {how}", entry.file_name().to_string_lossy()))
        })
        .collect();
    active.sort();
    active
}

/// The hypervisor, where the processor says that there is one.
pub(super) fn virtualisation() -> Option<String> {
    let flags = cpuinfo("flags")?;
    if !flags.split(' ').any(|flag| flag == "hypervisor") {
        return None;
    }
    let product = first_line("/sys/class/dmi/id/sys_vendor").or_else(|| first_line("/sys/hypervisor/type"));
    Some(product.unwrap_or_else(|| if flags.contains("kvm") { "KVM".into() } else { hypervisor_signature() }))
}

/// The hypervisor's own name for itself: CPUID leaf `0x4000_0000`.
#[cfg(target_arch = "x86_64")]
fn hypervisor_signature() -> String {
    let leaf = core::arch::x86_64::__cpuid(0x4000_0000);
    let bytes: Vec<u8> = [leaf.ebx, leaf.ecx, leaf.edx].iter().flat_map(|word| word.to_le_bytes()).collect();
    let name: String =
        bytes.iter().filter(|byte| byte.is_ascii_graphic()).map(|&byte| char::from(byte)).collect();
    match name.as_str() {
        "KVMKVMKVM" => "KVM".into(),
        "MicrosoftHv" => "Hyper-V".into(),
        "VMwareVMware" => "VMware".into(),
        "XenVMMXenVMM" => "Xen".into(),
        "" => "a hypervisor".into(),
        other => other.into(),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn hypervisor_signature() -> String {
    "a hypervisor".into()
}

fn cpuinfo(field: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.split(':').next().is_some_and(|name| name.trim() == field))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
