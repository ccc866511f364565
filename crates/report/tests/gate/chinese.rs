use crate::hand;

#[test]
fn chinese_development() {
    for file in ["zh/development.txt", "zh/heldout.txt"] {
        println!("{}", hand::paraphrases(file).complaint());
    }
    for file in ["zh/adversarial.txt", "zh/adversarial-heldout.txt"] {
        println!("{}", hand::adversarial(file).complaint());
    }
}
