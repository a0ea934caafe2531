//! Tells the local network that there is a show to steer.

use std::net::SocketAddr;

use mdns_sd::{Error, IfKind, ServiceDaemon, ServiceInfo};

/// Services of OSCQuery.
const QUERY: &str = "_oscjson._tcp.local.";
/// Services of OSC.
const OSC: &str = "_osc._udp.local.";
/// Length of a name in DNS-SD, in bytes.
const MAX_NAME_LEN: usize = 63;

/// An announcement by mDNS and DNS-SD (RFC 6762, 6763); dropping it takes it back.
pub(super) struct Announcement {
    daemon: ServiceDaemon,
}

impl Announcement {
    /// Announces where OSC and OSCQuery are heard, on the interfaces that lead there: what is closed
    /// to the network is told to this machine alone.
    pub fn new(name: &str, osc: SocketAddr, query: SocketAddr) -> Result<Self, Error> {
        // From here on, an error ends the daemon too.
        let announcement = Self { daemon: ServiceDaemon::new()? };
        let ip = osc.ip();
        if !ip.is_unspecified() {
            announcement.daemon.disable_interface(IfKind::All)?;
            announcement.daemon.enable_interface(IfKind::Addr(ip))?;
        }
        for (service, port) in [(QUERY, query.port()), (OSC, osc.port())] {
            let host = format!("lumawire-{}.local.", std::process::id());
            let properties: &[(&str, &str)] = &[];
            let at = if ip.is_unspecified() { String::new() } else { ip.to_string() };
            let info = ServiceInfo::new(service, &shortened(name), &host, at, port, properties)?;
            let info = if ip.is_unspecified() { info.enable_addr_auto() } else { info };
            announcement.daemon.register(info)?;
        }
        Ok(announcement)
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let _ = self.daemon.shutdown();
    }
}

fn shortened(name: &str) -> String {
    let mut name = name.to_owned();
    while name.len() > MAX_NAME_LEN {
        name.pop();
    }
    name
}
