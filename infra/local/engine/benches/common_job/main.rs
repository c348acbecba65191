//! The common job: start a workflow of five trivial steps over HTTP and get its result, each acknowledged
//! step on disk. `cargo bench -p toss-local-engine --bench common_job`.
//!
//! The engine runs in a process of its own behind a hyper server on loopback; the callers are in this one and
//! keep their connections. Two ways to get a result are measured:
//! - *held*: the answer to `DescribeExecution` is held back until the execution has ended (`Prefer: wait`, what
//!   `Engine::ended` is for). It is the counterpart of engines that answer a call with the result: the one to
//!   compare with them.
//! - *polled*: `DescribeExecution` again and again, as a client of Step Functions does, with a millisecond's
//!   pause between two looks.
//!
//! Beside them stands the floor of this disk, measured in turns with them: a bare journal doing the six flushed
//! appends that such an execution cannot avoid. Processor time and memory are the engine's process's alone.
//! `TOSS_BENCH_CALLERS=64` and `TOSS_BENCH_SECONDS=5` narrow a run for profiling.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]

mod client;
mod process;
mod server;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use toss_local_journal::Journal;

use self::{
    client::{Connection, Wait},
    process::Served,
};

/// The steps of the workflow.
const STEPS: usize = 5;
/// How often floor and job take turns.
const ROUNDS: usize = 3;

/// What a number of callers did.
#[derive(Default)]
struct Measured {
    times: Vec<f64>,
    seconds: f64,
    cpu: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, serve, folder] = &arguments[..]
        && serve == "serve"
    {
        return server::serve(folder.as_ref());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::start(folder.path()).await;
    println!("a new folder: ready in {:.0} ms, {:.0} MB when idle", served.ready, served.resident());
    let mut connection = Connection::open(served.address).await;
    let machine = client::create(&mut connection).await;
    let round = Duration::from_secs_f64(setting("TOSS_BENCH_SECONDS").unwrap_or(6.0) / ROUNDS as f64);
    println!(
        "callers     what     a second   p50 ms   p99 ms   CPU ms each   of floor   resident MB    load"
    );
    let only = setting("TOSS_BENCH_CALLERS").map(|callers| callers as usize);
    for callers in [1, 16, 64].into_iter().filter(|callers| only.is_none_or(|only| only == *callers)) {
        let [mut floor, mut held, mut polled] =
            [Measured::default(), Measured::default(), Measured::default()];
        for _ in 0..ROUNDS {
            measure_floor(&mut floor, callers, round).await;
            measure_job(&mut held, &served, &machine, callers, Wait::Held, round).await;
            measure_job(&mut polled, &served, &machine, callers, Wait::Polled, round).await;
        }
        let rate = floor.rate();
        for (what, measured) in [("floor", &mut floor), ("held", &mut held), ("polled", &mut polled)] {
            measured.times.sort_by(f64::total_cmp);
            print(callers, what, measured, rate, &served);
        }
    }
    println!("CPU by thread since the start: {}", served.threads());
    served.kill();
    let again = Served::start(folder.path()).await;
    println!("after a crash: ready in {:.0} ms, {:.0} MB", again.ready, again.resident());
}

#[expect(clippy::disallowed_methods, reason = "a bench has no other settings than its environment's")]
fn setting(name: &str) -> Option<f64> {
    std::env::var(name).ok()?.parse().ok()
}

fn print(callers: usize, what: &str, measured: &Measured, floor: f64, served: &Served) {
    println!(
        "{callers:7} {what:>8} {:12.0} {:8.2} {:8.2} {:13.3} {:9.0}% {:13.0} {:>7}",
        measured.rate(),
        measured.quantile(0.5),
        measured.quantile(0.99),
        measured.cpu * 1000.0 / measured.times.len() as f64,
        100.0 * measured.rate() / floor,
        served.resident(),
        process::load(),
    );
}

impl Measured {
    fn rate(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }

    /// Of the sorted times.
    fn quantile(&self, quantile: f64) -> f64 {
        self.times[(self.times.len() as f64 * quantile) as usize]
    }

    fn add(&mut self, begun: Instant, cpu: f64, times: Vec<Vec<f64>>) {
        self.seconds += begun.elapsed().as_secs_f64();
        self.cpu += cpu;
        self.times.extend(times.into_iter().flatten());
    }
}

/// Six flushed appends, one after the other, of the size that an execution's records have.
async fn measure_floor(measured: &mut Measured, callers: usize, round: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), toss_local_journal::Options::default()).unwrap();
    let journal = Arc::new(journal);
    let cpu = process::cpu("self");
    let begun = Instant::now();
    let loops = (0..callers).map(|_| {
        let journal = Arc::clone(&journal);
        repeat(begun, round, journal, async |journal| {
            for _ in 0..=STEPS {
                journal.append(&[7; 300]).await.unwrap();
            }
        })
    });
    let times = futures::future::join_all(loops).await;
    measured.add(begun, process::cpu("self") - cpu, times);
}

async fn measure_job(
    measured: &mut Measured,
    served: &Served,
    machine: &str,
    callers: usize,
    wait: Wait,
    round: Duration,
) {
    let connections = futures::future::join_all((0..callers).map(|_| Connection::open(served.address))).await;
    let cpu = served.cpu();
    let begun = Instant::now();
    let loops = connections.into_iter().map(|connection| {
        repeat(begun, round, connection, async |connection| client::job(connection, machine, wait).await)
    });
    let times = futures::future::join_all(loops).await;
    measured.add(begun, served.cpu() - cpu, times);
}

/// One caller: does the job again and again, and answers how many milliseconds each took.
async fn repeat<State>(
    begun: Instant,
    round: Duration,
    mut state: State,
    job: impl AsyncFn(&mut State),
) -> Vec<f64> {
    let mut times = Vec::new();
    while begun.elapsed() < round {
        let begun = Instant::now();
        job(&mut state).await;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times
}
