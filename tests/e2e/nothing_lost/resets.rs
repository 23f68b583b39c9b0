//! Connections to syslog receivers are reset in the middle of a stream.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use e2e::{Config, Fogbell, Rsyslog, RsyslogSetup, TlsTrust, wait_for, wait_until};
use testkit::Proxy;

use super::arrivals::{Arrival, has_all, judge};
use super::load::{Load, Size, Target, Until};
use super::{DRAINED, admin, moment, rounds, seeded};

#[test]
fn a_reset_loses_nothing_and_repeats_under_the_same_id() {
    let resets = rounds(8, 60);
    let mut rng = seeded("resets");
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let proxy = |to: String| {
        let to: SocketAddr = to.parse().unwrap();
        runtime.block_on(Proxy::start(to)).unwrap()
    };
    let proxies = [proxy(siem.tcp()), proxy(siem.tls())];
    let [tcp, tls] = proxies.each_ref().map(|proxy| proxy.address().to_string());
    let ca = siem.certs().ca();
    let trust = TlsTrust { ca: &ca, server_name: "localhost", client: None };
    let mut relay = Fogbell::start(&Config::new().syslog("tcp", &tcp, "tcp").syslog_tls("tls", &tls, &trust));
    let load = Load::start(&Target::of(&relay), 0, 2, Size::Usual, Until::Finished);

    for reset in 0..resets {
        // Only a receiver that something was delivered to is tried again soon.
        for (sink, proxy) in ["tcp", "tls"].into_iter().zip(&proxies) {
            let label = format!("sink=\"{sink}\"");
            let delivered = || admin::metric(&relay, "fogbell_delivered_total", &label).unwrap_or(0);
            let (before, bytes) = (delivered(), proxy.counters().forwarded_bytes);
            let flows =
                wait_until(DRAINED, || delivered() > before && proxy.counters().forwarded_bytes > bytes);
            assert!(flows, "nothing flows to {sink} before reset {reset}");
        }
        // The moment of the reset is what this is about: nothing can be waited for.
        sleep(moment(&mut rng, Duration::from_millis(200)));
        proxies.iter().for_each(Proxy::reset_all);
    }
    let told = load.finish(Until::Finished);
    admin::wait_drained(&mut relay, DRAINED);

    let acknowledged = told.acknowledged().count();
    for (sink, proxy) in ["tcp", "tls"].into_iter().zip(&proxies) {
        let arrivals = || -> Vec<Arrival> {
            siem.lines().iter().filter(|line| line.input == sink).map(Arrival::from).collect()
        };
        let all = wait_for(DRAINED, || Some(arrivals()).filter(|all| has_all(all, &told)));
        let figures = judge(sink, &all.unwrap_or_else(arrivals), &told);
        let connections = proxy.counters().connections;
        eprintln!(
            "resets: {sink}: {resets} resets, {connections} connections, {acknowledged} acknowledged, {figures:?}"
        );
        assert!(connections > resets as u64, "{connections} connections for {resets} resets");
        assert!(figures.repeats > 0, "no reset took anything along");
    }
}
