//! Posts deliveries as the Mist cloud does, signed and real-looking, and prints one line for each.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use fogbell_testkit::mist::{Delivery, FakeMist, Topic};
use fogbell_testkit::{Post, Retry, Trust, fixtures};
use ids::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use zeroize::Zeroizing;

/// Post deliveries as the Mist cloud does.
///
/// Prints one line per delivery: time, topic, types of its events, status. Ends when --count or --seconds is
/// reached, else at Ctrl-C; fails when a delivery was not answered with 200.
#[derive(Parser)]
#[command(name = "fogbell-testkit-mist", version)]
#[command(group = ArgGroup::new("trust").args(["ca", "danger_insecure"]))]
struct Args {
    /// Where to post, as in https://127.0.0.1:8443/v1/mist
    #[arg(long)]
    url: String,

    /// File with the webhook's secret; one line feed at its end is not part of it
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,

    /// PEM file with the authority that signed the server's certificate, or with that certificate itself
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Accept any certificate of the server
    #[arg(long)]
    danger_insecure: bool,

    /// Deliveries per second
    #[arg(long, default_value_t = 1.0)]
    rate: f64,

    /// End after so many deliveries
    #[arg(long)]
    count: Option<u64>,

    /// End after so many seconds
    #[arg(long)]
    seconds: Option<u64>,

    /// Topic to post about; may be repeated. Every topic unless given
    #[arg(long = "topic", value_name = "TOPIC", conflicts_with = "samples")]
    topics: Vec<Topic>,

    /// Directory with samples, `<topic>--<case>.json`, that are posted one after another instead
    #[arg(long, value_name = "DIR")]
    samples: Option<PathBuf>,

    /// What the made-up organisation follows from; printed at the start. The clock's choice unless given
    #[arg(long)]
    seed: Option<u64>,

    /// How often a delivery without answer, or with one of 500 or more, is posted at most
    #[arg(long, default_value_t = 1, value_name = "TIMES")]
    attempts: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("{failed} deliveries were not answered with 200");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("fogbell-testkit-mist: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Posts until the end; says how many deliveries were not answered with 200.
async fn run(args: Args) -> Result<u64, Box<dyn Error>> {
    let read =
        |path: &PathBuf| fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()));
    let trust = match &args.ca {
        Some(path) => Trust::pem(&String::from_utf8(read(path)?)?)?,
        None if args.danger_insecure => {
            eprintln!("warning: any certificate is accepted; whoever sits in between reads everything");
            Trust::danger_any()
        }
        None if args.url.starts_with("http:") => Trust::danger_any(), // there is nothing to trust
        None => return Err("an https URL needs --ca or --danger-insecure".into()),
    };
    if !(args.rate > 0.0 && args.rate <= 1e6) {
        return Err("--rate is a number above 0 and at most 1000000".into());
    }
    let retry = Retry { attempts: args.attempts, pause: Duration::from_millis(500) };
    let mut post = Post::new(&args.url, &trust)?.retry(retry);
    if let Some(path) = &args.secret_file {
        let secret = Zeroizing::new(read(path)?);
        post = post.secret(secret.strip_suffix(b"\n").unwrap_or(&secret));
    }
    let mut source = Source::new(&args)?;
    let end = args.seconds.map_or_else(far, |seconds| Instant::now() + Duration::from_secs(seconds));
    let mut beat = interval(Duration::from_secs_f64(1.0 / args.rate));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);

    // one for the whole time: a signal that comes while a delivery is under way counts too
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut failed = 0;
    for _ in 0..args.count.unwrap_or(u64::MAX) {
        let stop = tokio::select! {
            _ = &mut interrupted => true,
            beaten = timeout_at(end, beat.tick()) => beaten.is_err(),
        };
        if stop {
            break;
        }
        let delivery = source.next();
        let types = delivery.types().join(",");
        let said = match post.deliver(&delivery).await {
            Ok(answer) => {
                failed += u64::from(answer.status != 200);
                answer.status.as_u16().to_string()
            }
            Err(error) => {
                failed += 1;
                chain(&error)
            }
        };
        let types = if types.is_empty() { "-" } else { &types };
        writeln!(io::stdout(), "{} {} {types} {said}", Timestamp::now(), delivery.topic)?;
    }
    Ok(failed)
}

/// Where deliveries come from.
enum Source {
    Made { mist: Box<FakeMist>, topics: Vec<Topic>, next: usize },
    Samples { deliveries: Vec<Delivery>, next: usize },
}

impl Source {
    fn new(args: &Args) -> Result<Self, Box<dyn Error>> {
        if let Some(dir) = &args.samples {
            let samples = fixtures::load_dir(dir)?;
            let deliveries = samples.into_iter().map(|sample| sample.delivery).collect();
            return Ok(Self::Samples { deliveries, next: 0 });
        }
        let seed = args.seed.unwrap_or_else(|| {
            std::time::UNIX_EPOCH.elapsed().map_or(0, |since| u64::from(since.subsec_nanos()))
        });
        eprintln!("seed {seed}");
        Ok(Self::Made { mist: Box::new(FakeMist::new(seed)), topics: args.topics.clone(), next: 0 })
    }

    fn next(&mut self) -> Delivery {
        match self {
            Self::Made { mist, topics, .. } if topics.is_empty() => mist.next_delivery_of_any(),
            Self::Made { mist, topics, next } => {
                *next += 1;
                mist.next_delivery(topics[(*next - 1) % topics.len()])
            }
            Self::Samples { deliveries, next } => {
                *next += 1;
                deliveries[(*next - 1) % deliveries.len()].clone()
            }
        }
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(30 * 365 * 86_400)
}

/// An error and everything behind it on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
