#![allow(missing_docs, clippy::all)]
use std::io::BufRead;
use wilhelm_report::*;
fn main() {
    let mut report = write(&example::pneumonia(0.03));
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        if let Some(head) = line.strip_prefix("# ") {
            let w: Vec<&str> = head.split_whitespace().collect();
            let p: Vec<f64> = w[1..].iter().filter_map(|x| x.parse().ok()).collect();
            report = write(&match w[0] {
                "pneumonia" => example::pneumonia(p[0]),
                "breast" => example::breast(p[0], p[1]),
                "brain" => example::brain(p[0], p[1], p[2]),
                "abdomen" => example::abdomen(),
                "chest_ct" => example::chest_ct(),
                _ => example::unread(),
            });
            println!("{line}");
            continue;
        }
        let ctx = GroundContext::of(&report);
        let v = ground(&line, &ctx);
        println!("{} {line}\n        {}", if v.accepted { "ACC" } else { "ref" }, v.reason);
    }
}
