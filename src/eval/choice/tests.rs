//! What answers pick, however they say it.

use proptest::prelude::*;
use serde_json::json;

use super::super::table::testing::{broken, fault, note, passes, score, skipped};
use super::*;

fn picked(choices: &[&str], answer: &str) -> String {
    let choices: Vec<String> = choices.iter().map(|choice| (*choice).to_owned()).collect();
    match Picker::of(&choices).pick(answer) {
        Pick::One(nth) => choices[nth].clone(),
        Pick::Several(_) => "several".to_owned(),
        Pick::Nothing => "none".to_owned(),
    }
}

#[test]
fn a_letter_is_found_however_it_is_said() {
    let letters = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];
    let mut faults = Vec::new();
    for (answer, letter) in [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("B.", "B"),
        ("b)", "B"),
        ("**B**", "B"),
        ("`B`", "B"),
        ("[B]\n", "B"),
        ("（B）", "B"),
        ("Ｂ", "B"),
        ("\\boxed{B}", "B"),
        ("\\boxed{\\text{B}}", "B"),
        ("\\boxed{\\text{(B) Paris}}", "B"),
        ("A is wrong, so $\\boxed{C}$.", "C"),
        ("The answer is B", "B"),
        ("The answer is B.", "B"),
        ("The answer is (B).", "B"),
        ("the answer is b.", "B"),
        ("The correct answer is: **B**", "B"),
        ("The correct answer is option B.", "B"),
        ("Answer: B", "B"),
        ("Answer: **B**", "B"),
        ("**Answer:** B", "B"),
        ("Final answer: (C)", "C"),
        ("ANSWER: D", "D"),
        ("Answer B", "B"),
        ("{\"answer\": \"B\"}", "B"),
        ("<answer>B</answer>", "B"),
        ("The best choice would be C because A is too long.", "C"),
        ("I would choose D.", "D"),
        ("I'd go with option C", "C"),
        ("My choice is B", "B"),
        ("Option B is correct.", "B"),
        ("(B) is the correct answer.", "B"),
        ("A is wrong. B is wrong. C is correct. D is wrong.", "C"),
        ("The answer is A because it is so.", "A"),
        ("The answer is A.", "A"),
        ("I think it is B", "B"),
        ("I believe the answer is I.", "I"),
        ("B. Paris", "B"),
        ("B) Paris", "B"),
        ("(B) Paris", "B"),
        ("B: Paris", "B"),
        ("B\n\nBecause A is a car.", "B"),
        ("Let me think about A and C.\n\nB", "B"),
        ("B, because A is too small and C too large.", "B"),
        ("B because A is too small.", "B"),
        ("First I thought the answer is A. No: the answer is C.", "C"),
        ("A. one\nB. two\nC. three\nAnswer: C", "C"),
        ("Given A car, it must be (D).", "D"),
        ("A car is needed, hence C", "C"),
        ("It is not A, it is B", "B"),
        ("The answer isn't A but the answer is C", "C"),
        ("The answer cannot be A, so it is C.", "several"),
        ("The wrong answer is A. The answer is C.", "C"),
        ("The wrong answer is A.", "A"),
        ("The answer can't be A. Answer: C. The other option is B.", "C"),
        ("答案是B。", "B"),
        ("答案：C", "C"),
        ("正确答案为D选项", "D"),
        ("選B", "B"),
        ("La réponse est B.", "B"),
        ("Die richtige Antwort ist C.", "C"),
        ("La respuesta correcta es D", "D"),
        ("Правильный ответ: B", "B"),
        ("정답: C", "C"),
        ("答えはAです", "A"),
        ("The answer is B or C", "several"),
        ("The answer is A and B.", "several"),
        ("Answer: A, B", "several"),
        ("The answer is B, C is wrong", "B"),
        ("A\nB", "several"),
        ("A. one\nB. two\nC. three", "several"),
        ("It could be B, or perhaps C", "several"),
        ("A car is red", "none"),
        ("The answer is a car", "none"),
        ("The answer is A car", "none"),
        ("I don't know", "none"),
        ("I am not sure, I'm afraid", "none"),
        ("Because", "none"),
        ("", "none"),
    ] {
        let found = picked(&letters, answer);
        if found != letter {
            faults.push(format!("{answer:?}: {found}, not {letter}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn choices_can_be_words() {
    for (answer, choice) in [
        ("Yes", "yes"),
        ("YES.", "yes"),
        ("No, yes would be wrong", "no"),
        ("The answer is no", "no"),
        ("Answer: yes, since nobody knows", "yes"),
        ("Yesterday", "none"),
        ("It is not a matter of yes and no", "several"),
    ] {
        assert_eq!(picked(&["yes", "no"], answer), choice, "{answer}");
    }
    let labels = ["positive", "negative", "very negative"];
    assert_eq!(picked(&labels, "The sentiment is Very Negative."), "very negative");
    assert_eq!(picked(&["是", "否"], "我认为是的"), "是");
    assert_eq!(picked(&["1", "2", "3"], "The answer is 2."), "2");
    assert_eq!(picked(&["C++", "C"], "Answer: C++"), "C++");
}

#[test]
fn what_was_picked_is_told() {
    let spec = json!({"choice": {"value": "(b)", "choices": "A, B, C"}});
    assert!(passes(&spec, "The answer is B"));
    assert_eq!(note(&spec, "Answer: C"), "picked `C`, expected `B`");
    assert_eq!(
        note(&spec, "Answer: A or C"),
        "names `A` and `C`, so it is not clear which is picked"
    );
    assert_eq!(note(&spec, "D"), "picks none of the choices");
}

#[test]
fn the_right_choice_must_be_one() {
    let of = |choices: Value| json!({"choice": {"value": "{{ x }}", "choices": choices}});
    assert!(broken(&of(json!("AB")), "A", &["C"]).contains("one of `A`, `B`"));
    assert!(skipped(&of(json!("AB")), "A", &[""]).contains("nothing to compare with"));
    assert_eq!(score(&of(json!(["yes", "no"])), "Yes!", &["yes"]).pass, Some(true));
    assert_eq!(fault(&of(json!("A"))).1, "there must be two choices at least");
    assert_eq!(fault(&of(json!("ABA"))).1, "`A` stands there twice");
    assert_eq!(fault(&of(json!(["yes", " "]))).1, "a choice is empty");
    assert_eq!(
        fault(&json!({"choice": {"value": "Z"}})),
        ("value".into(), "`Z` is none of the choices".into())
    );
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(answer in "[ABCIabci (){}\\\\.,:\n'’Ｂ答案是boxedanswerisnot]{0,60}") {
        let _ = picked(&["A", "B", "C", "I"], &answer);
    }
}
