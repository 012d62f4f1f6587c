//! The smallest program with one task: what it takes to compile, and how large it is.

#[tokio::main]
async fn main() {
    let task = tokio::spawn(async { println!("hello") });
    task.await.expect("the task ends");
}
