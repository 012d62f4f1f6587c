//! What the Rust programs of the comparison suite share: the command line, the clock, one line of JSON for each
//! repetition, and the work that has a known result. `../README.md` is the protocol.

pub mod http;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static GLOBAL: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Values to measure; the first is the default.
pub type Parameters = &'static [(&'static str, &'static [&'static str])];

/// The runner passes over a combination that ends with this status.
const UNSUPPORTED: i32 = 3;

pub struct Workload {
    pub name: &'static str,
    pub is_server: bool,
    pub variants: &'static [&'static str],
    pub parameters: Parameters,
    pub run: fn(&Request),
}

pub struct System<'a> {
    pub name: &'static str,
    pub versions: &'static [(&'static str, &'static str)],
    pub workloads: &'a [Workload],
}

pub fn fail(what: &str) -> ! {
    eprintln!("{what}");
    std::process::exit(1)
}

pub fn expect(is_right: bool, what: &str) {
    if !is_right {
        fail(&format!("wrong result: {what}"));
    }
}

pub fn unsupported(what: &str) -> ! {
    eprintln!("not supported: {what}");
    std::process::exit(UNSUPPORTED)
}

pub type Extra = Vec<(&'static str, f64)>;

/// What a repetition has done.
pub struct Outcome {
    pub ops: usize,
    pub extra: Extra,
}

impl From<usize> for Outcome {
    fn from(ops: usize) -> Self {
        Self { ops, extra: Extra::new() }
    }
}

/// One workload as it was asked for.
pub struct Request {
    pub workload: String,
    pub variant: String,
    pub threads: usize,
    repetitions: usize,
    parameters: BTreeMap<String, String>,
}

impl Request {
    pub fn text(&self, name: &str) -> &str {
        &self.parameters[name]
    }

    pub fn number(&self, name: &str) -> usize {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| fail(&format!("--{name} takes a number, not {text:?}")))
    }

    /// Runs `work` as often as was asked for, and reports each time.
    pub fn repeat<Done: Into<Outcome>>(&self, mut work: impl FnMut() -> Done) {
        for repetition in 0..self.repetitions {
            let cpu = cpu_ns();
            let begin = Instant::now();
            let done: Outcome = work().into();
            let wall = begin.elapsed().as_nanos();
            let cpu = cpu_ns() - cpu;
            let mut extra = String::new();
            for (name, value) in &done.extra {
                let comma = if extra.is_empty() { "" } else { "," };
                write!(extra, "{comma}\"{name}\":{value}").unwrap();
            }
            println!(
                "{{\"workload\":\"{}\",\"variant\":\"{}\",\"threads\":{},\"rep\":{repetition},\"ops\":{},\
                 \"wall_ns\":{wall},\"cpu_ns\":{cpu},\"extra\":{{{extra}}}}}",
                self.workload, self.variant, self.threads, done.ops
            );
        }
    }

    /// The server listens now. SIGTERM ends the program with a report from here on. Call `block_signals` before the
    /// first thread is started.
    pub fn ready(&self) {
        let before = cpu_ns();
        let who =
            format!("\"workload\":\"{}\",\"variant\":\"{}\",\"threads\":{}", self.workload, self.variant, self.threads);
        std::thread::spawn(move || {
            let mut signal = 0;
            // SAFETY: both arguments are valid for the call.
            unsafe { libc::sigwait(&ending_signals(), &mut signal) };
            println!("{{{who},\"cpu_ns\":{}}}", cpu_ns() - before);
            let _ = std::io::stdout().flush();
            std::process::exit(0)
        });
        println!("ready");
        let _ = std::io::stdout().flush();
    }
}

fn ending_signals() -> libc::sigset_t {
    // SAFETY: sigemptyset() initialises the set.
    unsafe {
        let mut signals = std::mem::zeroed();
        libc::sigemptyset(&mut signals);
        libc::sigaddset(&mut signals, libc::SIGTERM);
        libc::sigaddset(&mut signals, libc::SIGINT);
        signals
    }
}

fn block_signals() {
    // SAFETY: the set is valid for the call, and no old one is asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &ending_signals(), std::ptr::null_mut()) };
}

/// User and system time of all threads of this process.
pub fn cpu_ns() -> u64 {
    // SAFETY: getrusage() fills what it is given.
    let used = unsafe {
        let mut used: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut used);
        used
    };
    let ns = |t: libc::timeval| t.tv_sec as u64 * 1_000_000_000 + t.tv_usec as u64 * 1_000;
    ns(used.ru_utime) + ns(used.ru_stime)
}

/// Resident memory and page tables.
pub fn memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    let kib = |line: &str| line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok());
    let lines = status.lines().filter(|line| line.starts_with("VmRSS:") || line.starts_with("VmPTE:"));
    lines.map(|line| kib(line).expect("a number") * 1024).sum()
}

static MEMORY_AT_START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();

/// Of each of `count` flows, since the program began.
pub fn memory_each(count: usize) -> Extra {
    let start = MEMORY_AT_START.get().expect("main() asks first");
    vec![("bytes_each", (memory_bytes() as f64 - *start as f64) / count as f64)]
}

pub fn latencies(mut ns: Vec<u64>) -> Extra {
    ns.sort_unstable();
    let at = |q: f64| ns[(q * (ns.len() - 1) as f64) as usize] as f64;
    vec![("p50_ns", at(0.5)), ("p99_ns", at(0.99)), ("p999_ns", at(0.999)), ("max_ns", at(1.0))]
}

/// 1, 2, 4 … up to the processors.
fn thread_counts() -> Vec<usize> {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::iter::successors(Some(1), |n| Some(n * 2)).take_while(|n| *n <= processors).collect()
}

fn print_list(system: &System<'_>) {
    let workloads: Vec<String> = system
        .workloads
        .iter()
        .map(|w| {
            let parameters: Vec<String> =
                w.parameters.iter().map(|(name, values)| format!("{name:?}:{values:?}")).collect();
            format!(
                "{{\"name\":{:?},\"kind\":{:?},\"variants\":{:?},\"threads\":{:?},\"parameters\":{{{}}}}}",
                w.name,
                if w.is_server { "server" } else { "work" },
                w.variants,
                thread_counts(),
                parameters.join(",")
            )
        })
        .collect();
    let mut versions: Vec<String> = system.versions.iter().map(|(k, v)| format!("{k:?}:{v:?}")).collect();
    let allocator = if cfg!(feature = "jemalloc") { "jemalloc" } else { "the C library's" };
    versions.push(format!("\"allocator\":{allocator:?}"));
    println!(
        "{{\"system\":{:?},\"versions\":{{{}}},\"workloads\":[{}]}}",
        system.name,
        versions.join(","),
        workloads.join(",")
    );
}

fn parse(w: &Workload, arguments: &[String]) -> Request {
    let mut request = Request {
        workload: w.name.to_string(),
        variant: w.variants[0].to_string(),
        threads: 1,
        repetitions: 4,
        parameters: w.parameters.iter().map(|(k, values)| (k.to_string(), values[0].to_string())).collect(),
    };
    for pair in arguments.chunks(2) {
        let [key, value] = pair else { fail(&format!("{} has no value", pair[0])) };
        let number = || value.parse().unwrap_or_else(|_| fail(&format!("{key} takes a number")));
        match key.as_str() {
            "--variant" => request.variant = value.clone(),
            "--threads" => request.threads = number(),
            "--reps" => request.repetitions = number(),
            _ => match request.parameters.get_mut(key.trim_start_matches("--")) {
                Some(parameter) => *parameter = value.clone(),
                None => fail(&format!("{}: unknown argument {key}", w.name)),
            },
        }
    }
    if !w.variants.contains(&request.variant.as_str()) {
        fail(&format!("{}: no variant {}", w.name, request.variant));
    }
    request
}

pub fn run(system: &System<'_>) {
    MEMORY_AT_START.get_or_init(memory_bytes);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(name) = arguments.first() else { fail("usage: --list | <workload> [--<key> <value> ...]") };
    if name == "--list" {
        return print_list(system);
    }
    let found = system.workloads.iter().find(|w| w.name == name);
    let workload = found.unwrap_or_else(|| fail(&format!("no workload {name}")));
    if workload.is_server {
        block_signals();
    }
    (workload.run)(&parse(workload, &arguments[1..]));
}

// ---- the work that has a known result

/// The share of the i-th of k flows that do n things together.
pub fn share(n: usize, k: usize, i: usize) -> usize {
    n / k + usize::from(i < n % k)
}

/// 0 + 1 + … + (n - 1).
pub fn sum_below(n: usize) -> u64 {
    let n = n as u64;
    n * n.saturating_sub(1) / 2
}

/// What the producers of `channels` send: each counts from 0.
pub fn sum_of_producers(n: usize, producers: usize) -> u64 {
    (0..producers).map(|i| sum_below(share(n, producers, i))).sum()
}

pub fn fib(n: usize) -> u64 {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}

pub fn fib_calls(n: usize) -> usize {
    2 * fib(n + 1) as usize - 1
}

pub const QUEENS_MAX: usize = 16;
pub type Queens = [i8; QUEENS_MAX];

/// True when a queen in `column` of the next row is safe from those in the first `rows` rows.
pub fn is_safe(columns: &Queens, rows: usize, column: i8) -> bool {
    (0..rows).all(|i| {
        let distance = (rows - i) as i8;
        let other = columns[i];
        other != column && other != column - distance && other != column + distance
    })
}

/// The legal places of all rows, and the solutions.
pub fn count_queens(columns: Queens, row: usize, n: usize) -> (usize, u64) {
    if row == n {
        return (0, 1);
    }
    let mut sum = (0, 0);
    for column in (0..n as i8).filter(|column| is_safe(&columns, row, *column)) {
        let mut next = columns;
        next[row] = column;
        let (places, solutions) = count_queens(next, row + 1, n);
        sum = (sum.0 + places + 1, sum.1 + solutions);
    }
    sum
}

pub fn nth_prime(n: usize) -> u64 {
    let mut primes: Vec<u64> = Vec::new();
    for i in 2.. {
        if primes.len() == n {
            break;
        }
        if primes.iter().take_while(|p| *p * *p <= i).all(|p| i % p != 0) {
            primes.push(i);
        }
    }
    primes[n - 1]
}

pub fn is_power_of_ten(n: usize) -> bool {
    n > 0 && 10_usize.pow(n.ilog10()) == n
}

/// Computes for so long; the load of timers_lateness.
pub fn compute_for(duration: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < duration {}
}

/// Seeded numbers, the same in every run.
pub struct Random(u64);

impl Random {
    pub fn seeded(seed: usize) -> Self {
        Self(seed as u64 * 2 + 1)
    }
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
