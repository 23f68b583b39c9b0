//! Receives SNMP notifications and syslog messages and prints them as an NMS and a SIEM would show them.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fogbell_testkit::{Missed, SyslogReceiver, SyslogSettings, Transport, TrapReceiver, show};

/// Receive SNMP notifications and syslog messages, and print them.
///
/// Says on standard error where it listens, so that port 0 can be given. Ends after --seconds, else at Ctrl-C.
#[derive(Parser)]
#[command(name = "fogbell-testkit-receivers", version)]
struct Args {
    /// Receive traps and informs of SNMP v2c here; v3 is only counted
    #[arg(long, value_name = "ADDRESS")]
    trap: Option<SocketAddr>,

    /// Receive syslog over TCP here, octet-counted or by lines
    #[arg(long, value_name = "ADDRESS")]
    syslog_tcp: Option<SocketAddr>,

    /// Receive syslog over UDP here
    #[arg(long, value_name = "ADDRESS")]
    syslog_udp: Option<SocketAddr>,

    /// The enterprise number under which FOGBELL-MIB stands
    #[arg(long, default_value_t = show::DOCUMENTATION_ENTERPRISE)]
    enterprise: u32,

    /// End after so many seconds
    #[arg(long)]
    seconds: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fogbell-testkit-receivers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> io::Result<()> {
    let mut traps = None;
    if let Some(address) = args.trap {
        let receiver = bound(TrapReceiver::start_on(address, KEPT).await, "traps", address)?;
        eprintln!("receiving traps on {}", receiver.address());
        traps = Some(receiver);
    }
    let tcp = syslog(args.syslog_tcp, Transport::Tcp, "TCP").await?;
    let udp = syslog(args.syslog_udp, Transport::Udp, "UDP").await?;
    if traps.is_none() && tcp.is_none() && udp.is_none() {
        return Err(io::Error::other("nothing to receive; give --trap, --syslog-tcp or --syslog-udp"));
    }

    let end = async {
        match args.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = end => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
        printed = each(traps.as_ref(), async |r| r.next(WAIT).await, |trap| show::trap(&trap, args.enterprise)) => printed,
        printed = each(tcp.as_ref(), async |r| r.next(WAIT).await, |frame| show::frame(&frame)) => printed,
        printed = each(udp.as_ref(), async |r| r.next(WAIT).await, |frame| show::frame(&frame)) => printed,
    }
}

async fn syslog(
    address: Option<SocketAddr>,
    transport: Transport,
    name: &str,
) -> io::Result<Option<SyslogReceiver>> {
    let Some(address) = address else { return Ok(None) };
    let mut settings = SyslogSettings::new(transport);
    settings.address = address;
    settings.capacity = KEPT;
    let receiver = bound(SyslogReceiver::start(settings).await, name, address)?;
    eprintln!("receiving syslog over {name} on {}", receiver.address());
    Ok(Some(receiver))
}

fn bound<T>(result: io::Result<T>, what: &str, address: SocketAddr) -> io::Result<T> {
    result.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen for {what} on {address}: {error}"))
    })
}

/// Prints whatever `receiver` receives, until that cannot be printed.
async fn each<R, T>(
    receiver: Option<&R>,
    next: impl AsyncFn(&R) -> Result<T, Missed>,
    text: impl Fn(T) -> String,
) -> io::Result<()> {
    let Some(receiver) = receiver else { return std::future::pending().await };
    loop {
        if let Ok(item) = next(receiver).await {
            io::stdout().write_all(text(item).as_bytes())?;
        }
    }
}

/// Printed at once, nothing needs to be kept long.
const KEPT: usize = 4096;
const WAIT: Duration = Duration::from_secs(60);
