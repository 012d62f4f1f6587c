//! smol's program of the comparison suite: async-executor on as many threads as were asked for, async-channel,
//! async-lock and async-io; the HTTP server is hyper. The workloads where it does not differ from tokio are left out.

use async_channel::{bounded, Receiver};
use async_executor::{Executor, Task};
use async_io::{block_on, Async, Timer};
use async_lock::Mutex;
use futures_lite::future::{or, poll_once, yield_now};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use sennit_suite_peers::*;
use std::future::Future;
use std::net::{TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

type BoxedNumber = Pin<Box<dyn Future<Output = u64> + Send>>;

static EXECUTOR: Executor<'static> = Executor::new();

fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Task<T> {
    EXECUTOR.spawn(work)
}

fn start_other_threads(r: &Request) {
    for _ in 1..r.threads {
        std::thread::spawn(|| block_on(EXECUTOR.run(std::future::pending::<()>())));
    }
}

/// Runs what `work` returns in a task, again and again.
fn repeat<Work>(r: &Request, work: impl Fn() -> Work)
where
    Work: Future + Send + 'static,
    Work::Output: Into<Outcome> + Send + 'static,
{
    start_other_threads(r);
    r.repeat(|| block_on(EXECUTOR.run(spawn(work()))).into());
}

async fn sum_of(tasks: Vec<Task<u64>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    sum
}

// ---- many small tasks

async fn spawn_join_parent(n: usize, batch: usize) -> u64 {
    let mut sum = 0;
    let mut left = n;
    while left > 0 {
        let count = left.min(batch);
        sum += sum_of((0..count).map(|_| spawn(async { 1 })).collect()).await;
        left -= count;
    }
    sum
}

fn spawn_join(r: &Request) {
    let (n, parents) = (r.number("n"), r.number("parents"));
    expect(parents > 0 && n % parents == 0, "n is a multiple of parents");
    let batch = if r.number("batch") == 0 { n / parents } else { r.number("batch") };
    repeat(r, || async move {
        let sum = if parents == 1 {
            spawn_join_parent(n, batch).await
        } else {
            sum_of((0..parents).map(|_| spawn(spawn_join_parent(n / parents, batch))).collect()).await
        };
        expect(sum == n as u64, "the sum");
        n
    });
}

fn skynet_node(first: usize, size: usize) -> BoxedNumber {
    Box::pin(async move {
        if size == 1 {
            return first as u64;
        }
        let mut sum = 0;
        let children: [_; 10] = std::array::from_fn(|i| spawn(skynet_node(first + i * (size / 10), size / 10)));
        for child in children {
            sum += child.await;
        }
        sum
    })
}

fn skynet(r: &Request) {
    let n = r.number("n");
    expect(is_power_of_ten(n), "n is a power of ten");
    repeat(r, || async move {
        expect(skynet_node(0, n).await == sum_below(n), "the sum of the leaves");
        n
    });
}

fn fib_call(n: usize) -> BoxedNumber {
    Box::pin(async move {
        if n < 2 {
            return n as u64;
        }
        let first = spawn(fib_call(n - 1));
        let second = fib_call(n - 2).await;
        first.await + second
    })
}

fn run_fib(r: &Request) {
    let n = r.number("n");
    repeat(r, || async move {
        expect(fib_call(n).await == fib(n), "fib(n)");
        fib_calls(n)
    });
}

fn yields(r: &Request) {
    let (n, k) = (r.number("n"), r.number("k"));
    repeat(r, || async move {
        let flow = move || async move {
            let mut count = 0;
            for _ in 0..n / k {
                yield_now().await;
                count += 1;
            }
            count
        };
        let count = sum_of((0..k).map(|_| spawn(flow())).collect()).await;
        expect(count == (n / k * k) as u64, "the count");
        count as usize
    });
}

fn memory(r: &Request) {
    let count = r.number("count");
    repeat(r, || async move {
        let (event, closed) = bounded::<()>(1);
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for _ in 0..count {
            let (closed, waiting) = (closed.clone(), waiting.clone());
            tasks.push(spawn(async move {
                waiting.fetch_add(1, Ordering::Relaxed);
                drop(waiting);
                u64::from(closed.recv().await.is_err())
            }));
        }
        while waiting.load(Ordering::Relaxed) < count {
            yield_now().await;
        }
        let extra = memory_each(count);
        drop(event);
        expect(sum_of(tasks).await == count as u64, "all go on");
        Outcome { ops: count, extra }
    });
}

fn idle(r: &Request) {
    repeat(r, || async {
        Timer::after(Duration::from_secs(1)).await;
        1
    });
}

// ---- tasks that talk

/// async-channel's smallest buffer holds one message.
fn capacity(r: &Request) -> usize {
    r.number("buffer").max(1)
}

fn ping_pong(r: &Request) {
    let (n, buffer) = (r.number("n"), capacity(r));
    repeat(r, || async move {
        let (there, from_here) = bounded(buffer);
        let (back, from_there) = bounded(buffer);
        let other = spawn(async move {
            while let Ok(v) = from_here.recv().await {
                back.send(v).await.expect("the other task receives");
            }
        });
        for i in 0..n {
            there.send(i).await.expect("the other task receives");
            expect(from_there.recv().await == Ok(i), "the number that came back");
        }
        drop(there);
        other.await;
        n
    });
}

fn channels(r: &Request) {
    let (n, buffer) = (r.number("n"), capacity(r));
    let (producers, consumers) = (r.number("producers"), r.number("consumers"));
    repeat(r, || async move {
        let (tx, rx) = bounded(buffer);
        for p in 0..producers {
            let tx = tx.clone();
            let producer = spawn(async move {
                for i in 0..share(n, producers, p) {
                    tx.send(i as u64).await.expect("the consumers receive");
                }
            });
            producer.detach();
        }
        drop(tx);
        let consumer = |rx: Receiver<u64>| async move {
            let mut sum = 0;
            while let Ok(v) = rx.recv().await {
                sum += v;
            }
            sum
        };
        let sum = sum_of((0..consumers).map(|_| spawn(consumer(rx.clone()))).collect()).await;
        expect(sum == sum_of_producers(n, producers), "the sum");
        n
    });
}

/// A channel that is closed has no message for the others to lose against.
async fn next(rx: &Receiver<u64>) -> u64 {
    match rx.recv().await {
        Ok(v) => v,
        Err(_) => std::future::pending().await,
    }
}

fn select_four(r: &Request) {
    let (n, buffer) = (r.number("n"), capacity(r));
    repeat(r, || async move {
        let [a, b, c, d] = std::array::from_fn(|first| {
            let (tx, rx) = bounded(buffer);
            let producer = spawn(async move {
                for v in (first..n).step_by(4) {
                    tx.send(v as u64).await.expect("the other task receives");
                }
            });
            producer.detach();
            rx
        });
        let mut sum = 0;
        for _ in 0..n {
            sum += or(or(next(&a), next(&b)), or(next(&c), next(&d))).await;
        }
        expect(sum == sum_below(n), "the sum");
        n
    });
}

fn oneshots(r: &Request) {
    let n = r.number("n");
    repeat(r, || async move {
        let mut sum = 0;
        for i in 0..n {
            let (tx, rx) = bounded(1);
            let child = spawn(async move { tx.send(i as u64).await.expect("the other task receives") });
            child.detach();
            sum += rx.recv().await.expect("the other task sends");
        }
        expect(sum == sum_below(n), "the sum");
        n
    });
}

fn mutex(r: &Request) {
    let (n, flows, hold) = (r.number("n"), r.number("flows"), r.number("hold") != 0);
    repeat(r, || async move {
        let lock = Arc::new(Mutex::new(0_usize));
        let flow = |times: usize, lock: Arc<Mutex<usize>>| async move {
            for _ in 0..times {
                let mut count = lock.lock().await;
                *count += 1;
                if hold {
                    yield_now().await;
                }
            }
            times as u64
        };
        sum_of((0..flows).map(|f| spawn(flow(share(n, flows, f), lock.clone()))).collect()).await;
        expect(*lock.lock().await == n, "the count");
        n
    });
}

fn sieve(r: &Request) {
    let n = r.number("n");
    let expected = nth_prime(n);
    repeat(r, || async move {
        let (tx, mut rx) = bounded(1);
        let mut tasks = vec![spawn(async move {
            for i in 2_u64.. {
                if tx.send(i).await.is_err() {
                    break;
                }
            }
            0
        })];
        let mut prime = 0;
        for _ in 0..n {
            prime = rx.recv().await.expect("the numbers do not end");
            let (tx, next) = bounded(1);
            let numbers = std::mem::replace(&mut rx, next);
            tasks.push(spawn(async move {
                while let Ok(v) = numbers.recv().await {
                    if v % prime != 0 && tx.send(v).await.is_err() {
                        break;
                    }
                }
                0
            }));
        }
        drop(rx);
        sum_of(tasks).await;
        expect(prime == expected, "the prime");
        n
    });
}

// ---- timers

fn timers_sleep(r: &Request) {
    let n = r.number("n");
    repeat(r, || async move {
        let mut numbers = Random::seeded(1);
        let sleeper = |duration: Duration| async move {
            let begin = Instant::now();
            Timer::after(duration).await;
            u64::from(begin.elapsed() < duration)
        };
        let tasks = (0..n).map(|_| spawn(sleeper(Duration::from_nanos(numbers.below(1_000_000_000)))));
        let early = sum_of(tasks.collect()).await;
        expect(early == 0, "no flow woke early");
        n
    });
}

/// A timer is armed by its first poll, and cancelled when it is dropped.
fn timers_cancel(r: &Request) {
    const HOUR: Duration = Duration::from_secs(3600);
    let n = r.number("n");
    let is_all = r.text("mode") == "all";
    expect(is_all || r.text("mode") == "one", "mode is all or one");
    repeat(r, || async move {
        let mut pending = 0;
        let mut timers = Vec::new();
        for _ in 0..n {
            let mut timer = Timer::after(HOUR);
            pending += usize::from(poll_once(&mut timer).await.is_none());
            if is_all {
                timers.push(timer);
            }
        }
        drop(timers);
        expect(pending == n, "no timer fired");
        n
    });
}

// ---- servers

fn serve<Served>(r: &Request, connection: fn(Async<TcpStream>) -> Served)
where
    Served: Future<Output = ()> + Send + 'static,
{
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], r.number("port") as u16));
    let listener = listener.unwrap_or_else(|e| fail(&format!("bind: {e}")));
    r.ready();
    start_other_threads(r);
    block_on(EXECUTOR.run(spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap_or_else(|e| fail(&format!("accept: {e}")));
            stream.get_ref().set_nodelay(true).unwrap_or_else(|e| fail(&format!("nodelay: {e}")));
            spawn(connection(stream)).detach();
        }
    })))
}

fn echo_server(r: &Request) {
    serve(r, |mut stream| async move {
        let mut buffer = [0; 1024];
        while let Ok(n) = stream.read(&mut buffer).await {
            if n == 0 || stream.write_all(&buffer[..n]).await.is_err() {
                break;
            }
        }
    });
}

fn http_server(r: &Request) {
    serve(r, |stream| async move {
        let io = smol_hyper::rt::FuturesIo::new(stream);
        // An error here is a client that went away.
        let _ = http1::Builder::new().serve_connection(io, service_fn(http::hello)).await;
    });
}

const fn work(name: &'static str, parameters: Parameters, run: fn(&Request)) -> Workload {
    Workload { name, is_server: false, variants: &["executor"], parameters, run }
}

const fn server(name: &'static str, run: fn(&Request)) -> Workload {
    Workload { name, is_server: true, variants: &["executor"], parameters: &[("port", &["0"])], run }
}

fn main() {
    run(&System {
        name: "smol",
        versions: &[
            ("async-executor", env!("ASYNC_EXECUTOR_VERSION")),
            ("async-io", env!("ASYNC_IO_VERSION")),
            ("async-channel", env!("ASYNC_CHANNEL_VERSION")),
            ("async-lock", env!("ASYNC_LOCK_VERSION")),
            ("hyper", env!("HYPER_VERSION")),
            ("smol-hyper", env!("SMOL_HYPER_VERSION")),
            ("rustc", env!("RUSTC_VERSION")),
        ],
        workloads: &[
            work("spawn_join", &[("n", &["1000000"]), ("batch", &["0", "1000"]), ("parents", &["1"])], spawn_join),
            work("skynet", &[("n", &["1000000"])], skynet),
            work("fib", &[("n", &["28"])], run_fib),
            work("ping_pong", &[("n", &["1000000"]), ("buffer", &["0", "1"])], ping_pong),
            work("yield", &[("n", &["2000000"]), ("k", &["1", "10", "1000"])], yields),
            work(
                "channels",
                &[
                    ("n", &["1000000"]),
                    ("producers", &["1", "4"]),
                    ("consumers", &["1", "4"]),
                    ("buffer", &["0", "1", "100", "1024"]),
                ],
                channels,
            ),
            work("select", &[("n", &["1000000"]), ("buffer", &["0"])], select_four),
            work("oneshot", &[("n", &["1000000"])], oneshots),
            work("mutex", &[("n", &["1600000"]), ("hold", &["0", "1"]), ("flows", &["8"])], mutex),
            work("timers_sleep", &[("n", &["1000000"])], timers_sleep),
            work("timers_cancel", &[("n", &["1000000"]), ("mode", &["all", "one"])], timers_cancel),
            work("sieve", &[("n", &["2000"])], sieve),
            work("memory", &[("count", &["100000", "1000000"])], memory),
            work("idle", &[], idle),
            server("echo_server", echo_server),
            server("http_server", http_server),
        ],
    });
}
