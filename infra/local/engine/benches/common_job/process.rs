//! The measured process, seen from outside.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

/// An engine in a process of its own, killed with this.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Milliseconds from the process's start until it took connections.
    pub(crate) ready: f64,
}

impl Served {
    pub(crate) async fn start(folder: &Path) -> Self {
        let begun = Instant::now();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["serve".as_ref(), folder.as_os_str()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().parse().unwrap();
        tokio::net::TcpStream::connect(address).await.unwrap();
        Self { child, address, ready: begun.elapsed().as_secs_f64() * 1000.0 }
    }

    /// Seconds of processor time so far.
    pub(crate) fn cpu(&self) -> f64 {
        cpu(&self.child.id().to_string())
    }

    /// Megabytes in memory.
    pub(crate) fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// Each thread's name with its share of the processor time.
    pub(crate) fn threads(&self) -> String {
        let mut times = BTreeMap::new();
        for (name, seconds) in tasks(&self.child.id().to_string()) {
            *times.entry(name).or_insert(0.0) += seconds;
        }
        let sum: f64 = times.values().sum();
        let shares = times.iter().map(|(name, seconds)| format!("{name} {:.0}%", 100.0 * seconds / sum));
        shares.collect::<Vec<_>>().join(", ")
    }

    /// Ends the process as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Seconds of processor time of a process's threads, from the scheduler's books in nanoseconds.
pub(crate) fn cpu(process: &str) -> f64 {
    tasks(process).into_iter().map(|(_, seconds)| seconds).sum()
}

fn tasks(process: &str) -> Vec<(String, f64)> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let read = |path: &Path| {
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let times = fs::read_to_string(path.join("schedstat")).ok()?;
        let nanoseconds: f64 = times.split_whitespace().next()?.parse().ok()?;
        Some((name.trim().to_owned(), nanoseconds / 1e9))
    };
    tasks.filter_map(|task| read(&task.ok()?.path())).collect()
}

/// How many processes want to run on this machine, averaged over a minute.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("?").to_owned()
}
