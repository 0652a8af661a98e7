//! Numbers as people and models write them.

use proptest::prelude::*;

use super::*;

/// The last number of a text, as a decimal one; thirds as `1/3`.
fn last_of(text: &str) -> String {
    match last(text) {
        Last::Nowhere => "none".to_owned(),
        Last::Beyond => "beyond".to_owned(),
        Last::Number(Number { over, under, is_percent, .. }) => {
            let percent = if is_percent { "%" } else { "" };
            let under = under.to_string();
            if under == "1" {
                format!("{over}{percent}")
            } else {
                format!("{over}/{under}{percent}")
            }
        }
    }
}

#[test]
fn the_last_number_is_found_as_people_write_it() {
    for (text, number) in [
        ("42", "42"),
        ("The answer is 42.", "42"),
        ("2 + 2 = 4, so it is 4!", "4"),
        ("**1,234.50**", "1234.5"),
        ("1.234,5 €", "1234.5"),
        ("1.234.567", "1234567"),
        ("1 234\u{202f}567", "234567"),
        ("1\u{a0}234\u{a0}567,89", "1234567.89"),
        ("CHF 1'234.50", "1234.5"),
        ("1_000_000", "1000000"),
        ("₹12,34,567.8", "1234567.8"),
        ("3,14", "3.14"),
        ("0,125", "0.125"),
        ("1.234", "1.234"),
        ("1,234", "1234"),
        ("1,2,3", "3"),
        ("[1, 2, 3]", "3"),
        ("-5", "-5"),
        ("= −5", "-5"),
        ("it is –5", "-5"),
        ("+7", "7"),
        ("10-5", "5"),
        ("3 - 5", "5"),
        ("5–7", "7"),
        ("f(x)-3", "3"),
        ("-$5.20", "-5.2"),
        ("$-5.20", "-5.2"),
        ("US$5", "5"),
        ("USD500", "500"),
        ("$ 5", "5"),
        ("50%", "50%"),
        ("50 percent of it", "50%"),
        ("1e5", "100000"),
        ("1.5E-3", "0.0015"),
        ("1.5 × 10^3", "1500"),
        ("1.5 \\times 10^{-3}", "0.0015"),
        ("6·10²³", "6e23"),
        ("10^6", "1000000"),
        ("3/4", "3/4"),
        ("\\frac{3}{4}", "3/4"),
        ("-\\dfrac{1}{3}", "-1/3"),
        ("1 3/4", "7/4"),
        ("1\\frac{3}{4}", "7/4"),
        ("-1 3/4", "3/4"),
        ("5/0", "0"),
        (".5", "0.5"),
        ("No.5", "5"),
        ("25 cm^2", "25"),
        ("25 cm²", "25"),
        ("40 kg of CO2", "40"),
        ("GPT-4 says 12", "12"),
        ("12 says GPT-4", "12"),
        ("x_1 = 3 and x_{2}", "3"),
        ("_42_", "42"),
        ("答案是42。", "42"),
        ("４２", "42"),
        ("٤٢٫٥", "42.5"),
        ("2024-01-05", "5"),
        ("12:30", "30"),
        ("3/4/2024", "2024"),
        ("Python 3.11.2", "2"),
        ("#### 1{,}234", "1234"),
        ("\\boxed{17} and then 5 more words", "17"),
        ("\\boxed{\\frac{1}{2}} 3", "1/2"),
        ("\\boxed{x} 3", "3"),
        ("\\boxed{12", "12"),
        ("50\\%", "50%"),
        ("none at all", "none"),
        ("", "none"),
        ("1e9999", "beyond"),
    ] {
        assert_eq!(last_of(text), number, "{text}");
    }
    assert_eq!(last_of(&"7".repeat(1_000)), "beyond");
}

#[test]
fn a_whole_text_is_one_number_or_none() {
    for text in ["42", " 42. ", "$1,234.50", "-5", "50 %", "3/4", "USD 5", "5 €", "**7**", "1e3"]
    {
        assert!(whole(text).is_some(), "{text}");
    }
    for text in ["", "4 2", "42 km", "about 42", "x", "1, 2", "a 1"] {
        assert!(whole(text).is_none(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[-0-9.,'/^{}$%eE+ x\\\\boxedfrac−⁰²٣€_\u{a0}]{0,40}") {
        let _ = (last(&text), whole(&text));
    }

    #[test]
    fn what_is_written_plainly_is_read_so(number in any::<i32>(), places in 0_usize..6) {
        let text = format!("{:.places$}", f64::from(number) / 1000.0);
        let decimal = Decimal::parse(&text).expect("a number").to_string();
        prop_assert_eq!(last_of(&text), decimal);
    }
}
