//! How a comparison reads.

use clap::Parser;

use super::*;
use crate::audit::Booked;
use crate::audit::invoice::compare::compare;
use crate::audit::invoice::comparison::Terms;

fn comparison() -> Comparison {
    let invoice = "date,model,usd,description\n2026-11-22,gpt-4o-2024-08-06,3.1,\n\
                   2026-11-22,gpt-4o-2024-11-20,1,\n2026-11-23,o3,2,\n2026-11-23,,0.5,Web search\n";
    let invoice = Invoice::read(invoice.as_bytes()).unwrap();
    let booked = |day: &str, model: &str, usd: &str, unpriced| Booked {
        day: day.to_owned(),
        provider: "openai".to_owned(),
        model: model.to_owned(),
        usd: usd.parse().unwrap(),
        unpriced,
    };
    let booked = [
        booked("2026-11-22", "gpt-4o", "4.100000000001", 0),
        booked("2026-11-23", "gpt-4.1", "0.5", 3),
        booked("2026-11-24", "gpt-4o", "1", 0),
    ];
    let tolerance = "1%".parse().unwrap();
    compare(&invoice, &booked, &Terms { tolerance, first_day: None, last_day: None })
}

#[test]
fn a_comparison_for_people() {
    insta::assert_snapshot!(text(&comparison(), PageForm::Table), @r"
     day          model            booked   billed         difference        in %   unpriced                standing
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     2026-11-22   openai/gpt-4o     ~$4.1     $4.1   $-0.000000000001      0.00 %          0                  agrees
     2026-11-23   o3                    -       $2                +$2   +100.00 %          0    not in the ledger ❌
     2026-11-23   openai/gpt-4.1     $0.5        -              $-0.5           -          3   not on the invoice ❌
     all                            ~$4.6     $6.1             ~+$1.5    +24.59 %          3              differs ❌

    The ledger against the invoice, 2026-11-22 to 2026-11-23 (UTC).
    Added up in one line, because a name may stand for several: booked as openai/gpt-4o; billed as gpt-4o-2024-08-06, gpt-4o-2024-11-20.
    Billed without a model, and not compared: Web search $0.5.
    The cost of 3 attempts is not known and not in what was booked: give the models a price in the job.
    Booked on other days, and not compared: $1.
    ❌ Beyond 1%: 2 lines, and the sum.
    ");
}

#[test]
fn a_comparison_for_pull_requests() {
    insta::assert_snapshot!(text(&comparison(), PageForm::Markdown), @r"
    | day | model | booked | billed | difference | in % | unpriced | standing |
    |---|---|--:|--:|--:|--:|--:|--:|
    | 2026-11-22 | openai/gpt-4o | \~$4.1 | $4.1 | $-0.000000000001 | 0.00 % | 0 | agrees |
    | 2026-11-23 | o3 | - | $2 | +$2 | +100.00 % | 0 | not in the ledger ❌ |
    | 2026-11-23 | openai/gpt-4.1 | $0.5 | - | $-0.5 | - | 3 | not on the invoice ❌ |
    | all |  | \~$4.6 | $6.1 | \~+$1.5 | +24.59 % | 3 | differs ❌ |

    The ledger against the invoice, 2026-11-22 to 2026-11-23 (UTC).

    Added up in one line, because a name may stand for several: booked as openai/gpt-4o; billed as gpt-4o-2024-08-06, gpt-4o-2024-11-20.

    Billed without a model, and not compared: Web search $0.5.

    The cost of 3 attempts is not known and not in what was booked: give the models a price in the job.

    Booked on other days, and not compared: $1.

    ❌ Beyond 1%: 2 lines, and the sum.
    ");
}

#[test]
fn a_comparison_for_spreadsheets() {
    insta::assert_snapshot!(text(&comparison(), PageForm::Csv).replace('\r', ""), @r"
    day,model,booked_as,billed_as,booked_usd,billed_usd,difference_usd,difference_percent,unpriced,standing,beyond
    2026-11-22,openai/gpt-4o,openai/gpt-4o,gpt-4o-2024-08-06 + gpt-4o-2024-11-20,4.100000000001,4.1,-0.000000000001,0.00,0,agrees,false
    2026-11-23,o3,,o3,,2,2,100.00,0,not in the ledger,true
    2026-11-23,openai/gpt-4.1,openai/gpt-4.1,,0.5,,-0.5,,3,not on the invoice,true
    ");
}

#[test]
fn a_comparison_for_programs() {
    let value: Value = serde_json::from_str(&text(&comparison(), PageForm::Json)).unwrap();
    let total = json!({
        "booked_usd": "4.600000000001", "billed_usd": "6.1", "difference_usd": "1.499999999999",
        "difference_percent": "24.59", "unpriced": 3, "beyond": true,
    });
    assert_eq!((&value["total"], &value["agrees"]), (&total, &json!(false)));
    assert_eq!(value["lines"][0]["booked_as"], json!(["openai/gpt-4o"]));
    assert_eq!(value["lines"][0]["difference_usd"], "-0.000000000001");
    assert_eq!(value["lines"][2]["difference_percent"], Value::Null);
    assert_eq!(value["without_model"][0]["what"], "Web search");
    assert_eq!(value["other_days"]["booked_usd"], "1");
}

#[test]
fn the_options_are_read_and_a_tolerance_needs_an_invoice() {
    #[derive(Debug, Parser)]
    struct Usage {
        #[command(flatten)]
        invoice: InvoiceArgs,
    }

    let read = |line: &str| Usage::try_parse_from(line.split(' '));
    assert_eq!(read("usage").unwrap().invoice.invoice, None);
    let args = read("usage --invoice f --tolerance 0.05").unwrap().invoice;
    assert_eq!(args.tolerance.to_string(), "5%");
    assert!(read("usage --tolerance 1%").is_err());
    let told = read("usage --invoice f --tolerance 1").unwrap_err().to_string();
    assert!(told.contains("such as 1% or 0.01"), "{told}");
}

#[test]
fn a_fault_of_an_export_names_the_file_the_line_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("costs.csv");
    std::fs::write(&path, "date,model,usd\n2026-11-22,m,x\n").unwrap();
    let Err(CliError::Usage { message, help }) = read(&path) else { panic!("it is read") };
    assert_eq!(message, format!("line 2 of `{}`: `x` is no amount of money", path.display()));
    assert_eq!(help, "write plain decimals, such as 1234.56");
}
