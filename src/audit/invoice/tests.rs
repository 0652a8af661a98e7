//! Each form of export, and the ledger held against it.

use super::*;
use crate::audit::Booked;
use crate::audit::invoice::compare::compare;
use crate::audit::invoice::comparison::{Comparison, Line, Sides, Standing, Terms};

/// `day provider/model usd`, separated by spaces.
fn rows(text: &str) -> Vec<String> {
    let invoice = Invoice::read(text.as_bytes()).unwrap();
    let row = |row: &Billed| {
        let item = match &row.item {
            Item::Model(name) => name.clone(),
            Item::Other(what) => format!("({what})"),
        };
        let provider = row.provider.as_deref().unwrap_or("?");
        format!("{} {provider}/{item} {}", row.day, row.usd)
    };
    invoice.rows.iter().map(row).collect()
}

fn refused(text: &str) -> (Option<u64>, Fault) {
    let error = Invoice::read(text.as_bytes()).unwrap_err();
    (error.line, error.fault)
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// `day provider/model usd`, and `+n` for attempts without a price.
fn ledger(lines: &[&str]) -> Vec<Booked> {
    let booked = |line: &&str| {
        let mut words = line.split(' ');
        let day = words.next().unwrap().to_owned();
        let (provider, model) = words.next().unwrap().split_once('/').unwrap();
        let usd = words.next().unwrap().parse().unwrap();
        let unpriced = words.next().map_or(0, |unpriced| unpriced.parse().unwrap());
        Booked { day, provider: provider.to_owned(), model: model.to_owned(), usd, unpriced }
    };
    lines.iter().map(booked).collect()
}

fn within(tolerance: &str) -> Terms {
    Terms { tolerance: tolerance.parse().unwrap(), first_day: None, last_day: None }
}

fn held(invoice: &str, booked: &[&str], terms: &Terms) -> Comparison {
    compare(&Invoice::read(invoice.as_bytes()).unwrap(), &ledger(booked), terms)
}

/// `day model booked billed difference standing`, and `!` where it is beyond the tolerance.
fn lines(comparison: &Comparison) -> Vec<String> {
    let money = |usd: Option<Usd>| usd.map_or("-".to_owned(), |usd| usd.to_string());
    let line = |line: &Line| {
        let Sides { booked, billed, is_beyond, .. } = line.sides;
        format!(
            "{} {} {} {} {} {}{}",
            line.day,
            line.model(),
            money(booked),
            money(billed),
            line.sides.difference(),
            line.sides.standing().as_str(),
            if is_beyond { " !" } else { "" }
        )
    };
    comparison.lines.iter().map(line).collect()
}

#[test]
fn a_plain_list_is_read_in_any_order_of_columns() {
    let expected = ["2026-11-22 ?/gpt-4o 1.5", "2026-11-23 ?/gpt-4o 0.25"];
    for text in [
        "date,model,usd\n2026-11-22,gpt-4o,1.5\n2026-11-23,gpt-4o,0.25\n",
        "\u{feff}Model,Cost (USD),Note,Day\r\n\r\ngpt-4o,$1.50,\"a, b\",2026-11-22T10:00:00Z\r\n\
         gpt-4o,$0.25,,1795392000\r\n\r\n",
        "cost;date;model\n1,5;2026-11-22;gpt-4o\n0,25;2026-11-23;gpt-4o\n",
        "day\tamount\tcurrency\tmodel\n2026-11-22\t1.50\tusd\tgpt-4o\n2026-11-23\t.25\tUSD\tgpt-4o",
        "date,model,usd,provider\n2026-11-22,gpt-4o,\" 1.5\",\n\"2026-11-23\",\"gpt-4o\",0.25",
    ] {
        assert_eq!(rows(text), expected, "{text}");
    }
    let text = "date,provider,model,cost_usd\n2026-11-22,OpenAI,gpt-4o,\"$1,234.5\"\n";
    assert_eq!(rows(text), ["2026-11-22 openai/gpt-4o 1234.5"]);
}

#[test]
fn what_names_no_model_is_told_apart() {
    let text = "date,model,usd,description\n2026-11-22,m,1,\n2026-11-22,,2,Web search\n\
                2026-11-22,Tax,3,\n2026-11-23,,,\n";
    let expected = ["2026-11-22 ?/m 1", "2026-11-22 ?/(Web search) 2", "2026-11-22 ?/(Tax) 3"];
    assert_eq!(rows(text), expected);
    // The line that says that nothing was billed still tells of its day.
    let invoice = Invoice::read(text.as_bytes()).unwrap();
    assert_eq!(invoice.days, Some(("2026-11-22".to_owned(), "2026-11-23".to_owned())));
}

const OPENAI_CSV: &str = "\
start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id
1795305600,1795392000,2026-11-22T00:00:00+00:00,2026-11-23T00:00:00+00:00,0.060000000000000005,usd,\"gpt-4o-2024-08-06, input\",proj_1
1795305600,1795392000,2026-11-22T00:00:00+00:00,2026-11-23T00:00:00+00:00,0.14,usd,\"gpt-4o-2024-08-06, output\",proj_1
1795305600,1795392000,2026-11-22T00:00:00+00:00,2026-11-23T00:00:00+00:00,0.3,usd,web search tool calls,proj_1
1795392000,1795478400,2026-11-23T00:00:00+00:00,2026-11-24T00:00:00+00:00,,,,
";

#[test]
fn the_costs_of_openai_are_read_from_csv() {
    let invoice = Invoice::read(OPENAI_CSV.as_bytes()).unwrap();
    assert_eq!(invoice.form, Form::OpenAi);
    assert_eq!(invoice.days, Some(("2026-11-22".to_owned(), "2026-11-23".to_owned())));
    let expected = [
        "2026-11-22 openai/gpt-4o-2024-08-06 0.06",
        "2026-11-22 openai/gpt-4o-2024-08-06 0.14",
        "2026-11-22 openai/(web search tool calls) 0.3",
    ];
    assert_eq!(rows(OPENAI_CSV), expected);
}

const OPENAI_JSON: &str = r#"{
  "object": "page",
  "data": [
    {"object": "bucket", "start_time": 1795305600, "end_time": 1795392000, "results": [
      {"object": "organization.costs.result",
       "amount": {"value": 0.060000000000000005, "currency": "usd"},
       "line_item": "gpt-4o-2024-08-06, input", "project_id": null},
      {"object": "organization.costs.result", "amount": {"value": "1.2e-7", "currency": "usd"},
       "line_item": "gpt-4o-mini", "project_id": null},
      {"object": "organization.costs.result", "amount": {"value": -2, "currency": "usd"},
       "line_item": null, "project_id": null}
    ]},
    {"object": "bucket", "start_time": 1795392000, "end_time": 1795478400, "results": []}
  ],
  "has_more": false,
  "next_page": null
}"#;

#[test]
fn the_costs_of_openai_are_read_from_json_to_the_last_digit() {
    let expected = [
        "2026-11-22 openai/gpt-4o-2024-08-06 0.06",
        "2026-11-22 openai/gpt-4o-mini 0.00000012",
        "2026-11-22 openai/() -2",
    ];
    assert_eq!(rows(OPENAI_JSON), expected);
    let invoice = Invoice::read(OPENAI_JSON.as_bytes()).unwrap();
    assert_eq!(invoice.days, Some(("2026-11-22".to_owned(), "2026-11-23".to_owned())));
    // Pages one after the other, and lists of pages or of buckets.
    let goes_on = OPENAI_JSON.replace("\"has_more\": false", "\"has_more\": true");
    let twice = [expected, expected].concat();
    assert_eq!(rows(&format!("{goes_on}\n{OPENAI_JSON}")), twice);
    assert_eq!(rows(&format!("[{goes_on},\n{OPENAI_JSON}]")), twice);
    let buckets =
        OPENAI_JSON.split_once("\"data\":").unwrap().1.split_once("\"has_more\"").unwrap();
    assert_eq!(rows(buckets.0.trim_end().trim_end_matches(',')), expected);
    assert_eq!(refused(&goes_on), (None, Fault::Unfinished));
}

const ANTHROPIC_CSV: &str = "\
usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,inference_geo
2026-11-22,Claude Haiku 4.5,Default,key,message,≤ 200k,input_no_cache,0.05,0.07,token,global
2026-11-22,Claude Haiku 4.5,Default,key,message,≤ 200k,output,0.02,0.02,token,global
2026-11-22,Claude 3.5 Sonnet 2024-10-22,Default,key,message,≤ 200k,output,0.30,0.30,token,global
2026-11-22,Claude Haiku 4.5,Default,key,,,,0.10,0.10,web_search,
";

#[test]
fn the_costs_of_anthropic_are_read_from_csv() {
    let expected = [
        "2026-11-22 anthropic/Claude Haiku 4.5 0.05",
        "2026-11-22 anthropic/Claude Haiku 4.5 0.02",
        "2026-11-22 anthropic/Claude 3.5 Sonnet 2024-10-22 0.3",
        "2026-11-22 anthropic/(web_search) 0.1",
    ];
    assert_eq!(rows(ANTHROPIC_CSV), expected);
    let comparison = held(
        ANTHROPIC_CSV,
        &[
            "2026-11-22 anthropic/claude-haiku-4-5-20251001 0.0742",
            "2026-11-22 anthropic/claude-3-5-sonnet-20241022 0.304999",
            "2026-11-22 openai/gpt-4o 5",
        ],
        &within("1%"),
    );
    // Whole cents are rounded by half a cent each.
    let expected = [
        "2026-11-22 anthropic/claude-3-5-sonnet-20241022 0.304999 0.3 -0.004999 agrees",
        "2026-11-22 anthropic/claude-haiku-4-5-20251001 0.0742 0.07 -0.0042 agrees",
    ];
    assert_eq!(lines(&comparison), expected);
    assert!(comparison.agrees());
    let [other] = comparison.others.as_slice() else { panic!("{:?}", comparison.others) };
    assert_eq!((&*other.what, other.usd), ("web_search", usd("0.1")));
}

const ANTHROPIC_JSON: &str = r#"{"data": [
  {"starting_at": "2026-11-22T00:00:00Z", "ending_at": "2026-11-23T00:00:00Z", "results": [
    {"currency": "USD", "amount": "123.456789", "workspace_id": null, "model": "claude-haiku-4-5",
     "description": "Claude Haiku 4.5 Usage - Output Tokens", "cost_type": "tokens"},
    {"currency": "USD", "amount": "0.00000000005", "model": "claude-haiku-4-5",
     "description": null, "cost_type": "tokens"},
    {"currency": "USD", "amount": "100", "model": null,
     "description": "Web Search Usage", "cost_type": "web_search"}
  ]}], "has_more": false, "next_page": null}"#;

#[test]
fn the_costs_of_anthropic_are_in_cents_in_json() {
    let expected = [
        "2026-11-22 anthropic/claude-haiku-4-5 1.23456789",
        // Half a picodollar goes to the even one, which is none.
        "2026-11-22 anthropic/claude-haiku-4-5 0",
        "2026-11-22 anthropic/(Web Search Usage) 1",
    ];
    assert_eq!(rows(ANTHROPIC_JSON), expected);
}

#[test]
fn a_fault_is_told_with_its_line() {
    let plain = |line: &str| format!("date,model,usd\n2026-11-22,m,1\n\n{line}\n");
    for (text, line, message) in [
        (plain("2026-11-22,m,one"), 4, "`one` is no amount of money"),
        (plain("2026-11-22,m,"), 4, "`` is no amount of money"),
        (plain("2026-11-22,m,\"1,234\""), 4, "`1,234` can be read as two amounts"),
        (plain("2026-11-22,m,€3"), 4, "it is billed in EUR"),
        (plain("2026-11-22,m,1,234.5"), 4, "there are more cells than columns"),
        (plain("2026-11-22,\"m,1\n2026-11-22,m,1"), 4, "a cell goes over several lines"),
        (plain("Total,,3"), 4, "`Total` is no day"),
        (plain("22/11/2026,m,3"), 4, "`22/11/2026` is no day"),
        ("date,model\n".to_owned(), 1, "no column tells the cost in USD; there are: date, model"),
        ("model,usd\n".to_owned(), 1, "no column tells the day"),
        ("date,usd\n".to_owned(), 1, "no column tells the model"),
        ("date,model,usd,USD\n".to_owned(), 1, "the column `usd` is there twice"),
        (String::new(), 1, "no column tells the day"),
        (OPENAI_CSV.replace("usd,web", "eur,web"), 4, "it is billed in EUR"),
        (OPENAI_CSV.replace("2026-11-24T", "2026-12-01T"), 5, "more than one day of UTC"),
        (OPENAI_JSON.replace("\"value\": -2", "\"value\": true"), 10, "`true` is no amount"),
        (OPENAI_JSON.replace("1795478400", "1795564800"), 13, "more than one day of UTC"),
        (
            OPENAI_JSON.replace(
                "\"currency\": \"usd\"},\n       \"line_item\": null",
                "\"currency\": \"eur\"},\n       \"line_item\": null",
            ),
            10,
            "it is billed in EUR",
        ),
        (
            OPENAI_JSON.replace("\"next_page\": null", "\"next_page\":"),
            17,
            "it is no export of costs",
        ),
        (OPENAI_JSON.replace("\"results\": []", "\"result\": []"), 13, "or buckets with `results`"),
        (format!("{OPENAI_JSON}{ANTHROPIC_JSON}"), 18, "it mixes the exports of two providers"),
        (ANTHROPIC_JSON.replace("\"amount\": \"100\"", "\"amount\": 1e40"), 7, "is too large"),
        ("{}".to_owned(), 1, "it is no export of costs"),
        ("[]".to_owned(), 1, "there is nothing in it"),
        ("[".repeat(200), 1, "it is no export of costs"),
        ("[[[[[[{}]]]]]]".to_owned(), 1, "expected pages with `data`"),
    ] {
        let error = Invoice::read(text.as_bytes()).unwrap_err();
        let told = error.to_string();
        assert_eq!(error.line, Some(line), "{told}\n{text}");
        assert!(told.contains(message) && told.contains("\nhelp: "), "{told}\n{text}");
    }
    let error = Invoice::read(b"date,model,usd\n2026-11-22,\xff,1\n").unwrap_err();
    assert_eq!((error.line, error.fault), (Some(2), Fault::NotText));
}

#[test]
fn an_export_that_names_no_model_says_how_to_get_one_that_does() {
    let none = OPENAI_JSON.replace("gpt-4o-2024-08-06, input", "web search tool calls");
    let none = none.replace("\"gpt-4o-mini\"", "null");
    let (line, fault) = refused(&none);
    assert_eq!((line, fault.help()), (None, "export it grouped by `line_item`"));
    let (_, fault) = refused("date,model,usd\n2026-11-22,,3\n");
    assert_eq!(fault, Fault::NoModels(Form::Plain));
    // Where nothing was billed there is no model to name.
    assert!(rows("date,model,usd\n").is_empty());
}

#[test]
fn the_sides_are_held_against_each_other_to_the_last_digit() {
    let invoice = "date,model,usd\n2026-11-22,gpt-4o,1.000000000001\n2026-11-22,gpt-4o,2\n\
                   2026-11-23,gpt-4o,4\n2026-11-23,o3,7\n";
    let booked = [
        "2026-11-22 openai/gpt-4o 3",
        "2026-11-23 openai/gpt-4o 3.9 2",
        "2026-11-23 openai/gpt-4.1 0.5",
        "2026-11-24 openai/gpt-4o 9",
        "2026-11-22 mock/echo 1",
    ];
    let comparison = held(invoice, &booked, &within("1%"));
    let expected = [
        "2026-11-22 openai/gpt-4o 3 3.000000000001 0.000000000001 agrees",
        "2026-11-23 o3 - 7 7 not in the ledger !",
        "2026-11-23 openai/gpt-4.1 0.5 - -0.5 not on the invoice !",
        "2026-11-23 openai/gpt-4o 3.9 4 0.1 differs !",
    ];
    assert_eq!(lines(&comparison), expected);
    let total = &comparison.total;
    assert_eq!((total.booked, total.billed), (Some(usd("7.4")), Some(usd("14.000000000001"))));
    assert_eq!((total.difference(), total.unpriced), (usd("6.600000000001"), 2));
    assert_eq!(comparison.outside.booked, Some(usd("9")));
    assert!(total.is_beyond && !comparison.agrees());
}

#[test]
fn the_built_in_provider_counts_where_the_invoice_names_a_model_of_it() {
    let booked = ["2026-11-22 mock/echo 1", "2026-11-22 mock/lark 2"];
    for name in ["echo", "mock/echo"] {
        let invoice = format!("date,model,usd\n2026-11-22,{name},1\n");
        let comparison = held(&invoice, &booked, &within("1%"));
        let expected = [
            "2026-11-22 mock/echo 1 1 0 agrees",
            "2026-11-22 mock/lark 2 - -2 not on the invoice !",
        ];
        assert_eq!(lines(&comparison), expected);
    }
}

#[test]
fn faults_that_cancel_out_are_faults() {
    let invoice = "date,model,usd\n2026-11-22,a,10\n2026-11-22,b,10\n";
    let booked = ["2026-11-22 x/a 12", "2026-11-22 x/b 8"];
    let comparison = held(invoice, &booked, &within("1%"));
    assert!(!comparison.total.is_beyond && !comparison.agrees());
    assert!(held(invoice, &booked, &within("20%")).agrees());
}

#[test]
fn exactly_at_the_tolerance_passes() {
    let invoice = "date,model,usd\n2026-11-22,a,200.001\n";
    let at = |booked: &str| held(invoice, &[booked], &within("1%"));
    assert!(at("2026-11-22 x/a 198.00099").agrees());
    assert!(!at("2026-11-22 x/a 198.000989999999").agrees());
    assert!(at("2026-11-22 x/a 202.00101").agrees());
    assert!(!at("2026-11-22 x/a 202.001010000001").agrees());
}

#[test]
fn an_invoice_of_nothing_leaves_all_of_the_ledger_missing() {
    let booked = ["2026-11-22 x/a 1", "2026-11-23 x/a 2"];
    let comparison = held("date,model,usd\n", &booked, &within("1%"));
    let expected = [
        "2026-11-22 x/a 1 - -1 not on the invoice !",
        "2026-11-23 x/a 2 - -2 not on the invoice !",
    ];
    assert_eq!(lines(&comparison), expected);
    assert_eq!(comparison.total.standing(), Standing::NotBilled);
    let comparison = held("date,model,usd\n2026-11-22,a,1\n", &[], &within("1%"));
    assert_eq!(lines(&comparison), ["2026-11-22 a - 1 1 not in the ledger !"]);
    assert!(held("date,model,usd\n", &[], &within("1%")).agrees());
}

#[test]
fn the_days_asked_for_go_before_those_of_the_invoice() {
    let invoice = "date,model,usd\n2026-11-22,a,1\n2026-11-23,a,1\n";
    let booked = ["2026-11-23 x/a 1", "2026-11-24 x/a 5"];
    let terms = Terms {
        first_day: Some("2026-11-23".to_owned()),
        last_day: Some("2026-11-24".to_owned()),
        ..within("1%")
    };
    let comparison = held(invoice, &booked, &terms);
    let expected = ["2026-11-23 x/a 1 1 0 agrees", "2026-11-24 x/a 5 - -5 not on the invoice !"];
    assert_eq!(lines(&comparison), expected);
}

#[test]
fn an_export_speaks_for_its_own_provider_alone() {
    let booked = [
        "2026-11-22 openai/gpt-4o 0.2",
        "2026-11-22 azure/gpt-4o 5",
        "2026-11-22 openrouter/openai/gpt-4o 7",
    ];
    let comparison = held(OPENAI_CSV, &booked, &within("1%"));
    assert_eq!(lines(&comparison), ["2026-11-22 openai/gpt-4o 0.2 0.2 0 agrees"]);
    assert_eq!(comparison.lines[0].billed_as, ["openai/gpt-4o-2024-08-06"]);
    // A plain list without providers speaks for all of them.
    let plain = "date,model,usd\n2026-11-22,gpt-4o,5.2\n2026-11-22,openai/gpt-4o,0\n";
    let comparison = held(plain, &booked, &within("1%"));
    let line = &comparison.lines[0];
    assert!(line.is_merged(), "{line:?}");
    assert_eq!(line.booked_as, ["azure/gpt-4o", "openai/gpt-4o"]);
    assert_eq!(line.sides.booked, Some(usd("5.2")));
    // With a provider for each model, for those.
    let plain = "date,model,usd\n2026-11-22,openai/gpt-4o,0.2\n";
    assert_eq!(lines(&held(plain, &booked, &within("1%"))).len(), 1);
    // A name with a slash may be a whole name.
    let router = ["2026-11-22 openrouter/openai/gpt-4o 7"];
    let plain = "date,model,usd\n2026-11-22,openai/gpt-4o,7\n";
    let expected = ["2026-11-22 openrouter/openai/gpt-4o 7 7 0 agrees"];
    assert_eq!(lines(&held(plain, &router, &within("1%"))), expected);
}
