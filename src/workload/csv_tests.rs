use proptest::prelude::*;

use super::*;

const DEFAULTS: TraceDefaults<'_> =
    TraceDefaults { priority: 2.0, slots: 1, failure_probability: 0.125, details: None, zones: &[] };

fn read_text(text: &str) -> Result<CsvTrace, Vec<TraceError>> {
    read(text.as_bytes(), 16, &DEFAULTS)
}

fn messages(text: &str) -> Vec<String> {
    read_text(text).unwrap_err().iter().map(TraceError::to_string).collect()
}

#[test]
fn two_columns_are_enough() {
    let trace = read_text("arrival,work\n1.5,2\n").unwrap();
    let expected = TraceTask {
        arrival: Time(1_500_000_000),
        work: 2_000_000_000,
        requested: None,
        priority: 2.0,
        slots: 1,
        class: 0,
        failure_probability: 0.125,
        details: None,
    };
    assert_eq!(trace.tasks, [expected]);
    assert_eq!((trace.class_names, trace.has_estimates), (vec![String::new()], false));
}

#[test]
fn columns_come_in_any_order_and_rows_are_sorted() {
    let text = "class,slots,work,priority,id,estimate,arrival\r\n\
                b,4,1,-3,x,2,5\r\n\
                \"a, or so\",,2,,\"y\",,3\r\n\
                b,2,3,1e1,z,0.5,5\r\n";
    let trace = read_text(text).unwrap();
    assert_eq!(trace.class_names, ["b", "a, or so"]);
    assert!(trace.has_estimates);
    let seconds = |nanos: u64| nanos / 1_000_000_000;
    let works: Vec<u64> = trace.tasks.iter().map(|task| seconds(task.work)).collect();
    assert_eq!(works, [2, 1, 3]);
    let [first, second, third] = &trace.tasks[..] else { unreachable!() };
    assert_eq!((first.class, first.slots, first.priority, first.requested), (1, 1, 2.0, None));
    assert_eq!((second.class, second.slots, second.priority), (0, 4, -3.0));
    assert_eq!((third.requested, third.priority), (Some(500_000_000), 10.0));
}

#[test]
fn tasks_fail_as_their_rows_say() {
    let trace = read_text("arrival,work,failure_probability\n0,1,0.5\n1,1,\n2,1,1\n").unwrap();
    let all: Vec<f64> = trace.tasks.iter().map(|task| task.failure_probability).collect();
    assert_eq!(all, [0.5, 0.125, 1.0]);
    assert_eq!(
        messages("arrival,work,failure_probability\n0,1,1.5\n0,1,-0.5\n"),
        [
            "line 2, field 3: failure_probability: expected a probability from 0 to 1, found 1.5",
            "line 3, field 3: failure_probability: expected a probability from 0 to 1, found -0.5",
        ]
    );
}

#[test]
fn byte_order_mark_blanks_and_blank_lines_do_not_matter() {
    let trace = read_text("\u{feff}arrival , work\n\n 1 ,\t2\n   \n3,4").unwrap();
    assert_eq!(trace.tasks.len(), 2);
}

#[test]
fn mistakes_in_the_header_are_reported_together() {
    assert_eq!(
        messages("id,arival,id,aftermath,Work\n1,2,3,4,5\n"),
        [
            "line 1, field 2: unknown column \"arival\"; did you mean \"arrival\"?",
            "line 1, field 3: the column \"id\" is there twice",
            "line 1, field 4: unknown column \"aftermath\"; \
             the columns are id, arrival, work, estimate, priority, slots, class, key, zone, after, \
             failure_probability",
            "line 1, field 5: unknown column \"Work\"; did you mean \"work\"?",
            "line 1: the column \"arrival\" is missing",
            "line 1: the column \"work\" is missing",
        ]
    );
}

#[test]
fn tasks_wait_for_those_whose_ids_they_name() {
    let text = "id,arrival,work,after\nx,5,1,\ny,1,2, x ; z\nz,1,3,\n";
    let graph = read_text(text).unwrap().graph.unwrap();
    assert_eq!(graph.parents(0), [2, 1]);
    assert!(graph.parents(1).is_empty() && graph.parents(2).is_empty());
    assert_eq!(read_text("id,arrival,work,after\nx,5,1,\n").unwrap().graph, None);
}

#[test]
fn mistakes_in_dependencies_name_the_ids() {
    assert_eq!(
        messages("id,arrival,work,after\nx,5,1,\ny,1,2,x;w\nz,1,3,;x\n"),
        ["line 4, field 4: after: an id is missing in \";x\""]
    );
    assert_eq!(
        messages("id,arrival,work,after\nx,5,1,\ny,1,2,x;w\n"),
        ["line 3, field 4: after: there is no task with the id \"w\""]
    );
    assert_eq!(
        messages("arrival,work,after\n5,1,x\n"),
        ["line 2, field 3: after: names tasks by their ids, and there is no column \"id\""]
    );
    assert_eq!(
        messages("id,arrival,work,after\nx,5,1,z\ny,1,2,x\nz,1,3,y\n"),
        ["tasks wait for each other in a circle: `x` -> `y` -> `z` -> `x`"]
    );
}

#[test]
fn files_without_tasks_are_refused() {
    assert_eq!(messages(""), ["the file is empty; expected a header line"]);
    assert_eq!(messages("\n\r\n"), ["the file is empty; expected a header line"]);
    assert_eq!(messages("arrival,work\n"), ["there are no tasks below the header"]);
}

#[test]
fn mistakes_in_rows_name_line_field_and_column() {
    let text = "id,arrival,work,slots,priority\r\n\
                a,0,n/a,1,0\r\n\
                \r\n\
                b,-1,1,0,inf\r\n\
                a,1,1,17,x\r\n\
                c,1,1\r\n\
                d,,NaN,1.5,0\r\n\
                ,1e300,1,-1,0\r\n";
    assert_eq!(
        messages(text),
        [
            "line 2, field 3: work: expected a number, found \"n/a\"",
            "line 4, field 2: arrival: must not be negative, found -1",
            "line 4, field 4: slots: expected a whole number of at least 1, found 0",
            "line 4, field 5: priority: expected a finite number, found \"inf\"",
            "line 5, field 1: id: \"a\" is already used on line 2",
            "line 5, field 4: slots: no node has 17 slots; the largest has 16",
            "line 5, field 5: priority: expected a number, found \"x\"",
            "line 6: expected 5 fields, found 3",
            "line 7, field 2: arrival: expected a number, found \"\"",
            "line 7, field 3: work: expected a finite number, found \"NaN\"",
            "line 7, field 4: slots: expected a whole number of at least 1, found 1.5",
            "line 8, field 1: id: must not be empty",
            "line 8, field 2: arrival: 1e300 is too large; the limit is 1.8e10",
            "line 8, field 4: slots: expected a whole number of at least 1, found -1",
        ]
    );
}

#[test]
fn bad_quoting_is_reported() {
    assert_eq!(
        messages("arrival,work,class\n1,2,\"a\n3,4,b\n"),
        ["line 2, field 3: the quote that opens this field is never closed"]
    );
    assert_eq!(
        messages("arrival,work,class\n1,2,a\"b\n3,\"4\"x,\"b\n c\"\n5, \"6\",c\n"),
        [
            "line 2, field 3: a quote within a field that does not begin with one",
            "line 3, field 2: text after the closing quote of a field",
            "line 5, field 2: a quote within a field that does not begin with one",
            "line 5, field 2: a quote within a field that does not begin with one",
        ]
    );
    let quoted = read_text("arrival,work,class\n1,\"2\",\"a \"\"b\"\"\"\n").unwrap();
    assert_eq!(quoted.class_names, ["a \"b\""]);
}

#[test]
fn texts_that_are_not_utf8_are_reported() {
    let mistakes = read(b"arrival,work,class\n1,2,\xe5\n", 16, &DEFAULTS).unwrap_err();
    assert_eq!(mistakes[0].to_string(), "line 2, field 3: class: not valid UTF-8");
    assert!(read(b"\xff\xfea\0r\0", 16, &DEFAULTS).is_err());
}

#[test]
fn lines_are_right_after_fields_of_several_lines() {
    let mistakes = messages("arrival,work,class\n1,2,\"a\r\nb\"\n1,x,a\n");
    assert_eq!(mistakes, ["line 4, field 2: work: expected a number, found \"x\""]);
}

#[test]
fn not_more_than_twenty_mistakes_are_reported() {
    let text = format!("arrival,work\n{}", "x,y\n".repeat(100));
    assert_eq!(messages(&text).len(), 20);
    let quotes = "a\"".repeat(100);
    assert_eq!(messages(&quotes).len(), 20);
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes, 16, &DEFAULTS);
        let _ = read(&[b"arrival,work\n", &bytes[..]].concat(), 16, &DEFAULTS);
    }

    #[test]
    fn any_table_is_read_without_a_panic(text in "(arrival|work|id|class|slots|[0-9a\",.\r\n -]){0,60}") {
        let _ = read_text(&text);
        let _ = read_text(&format!("work,arrival,id,class\n{text}"));
    }

    #[test]
    fn what_is_written_is_read_again(
        rows in proptest::collection::vec(
            (0u64..1 << 60, 0u64..1 << 60, proptest::option::of(0u64..1 << 60), -9i32..9, 1u32..=16, "[a-c\",\n]{1,3}"),
            1..40,
        ),
    ) {
        let decimal = |nanos: u64| format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
        let mut text = "id,arrival,work,estimate,priority,slots,class\n".to_owned();
        for (id, (arrival, work, estimate, priority, slots, class)) in rows.iter().enumerate() {
            let estimate = estimate.map_or(String::new(), decimal);
            let (arrival, work, class) = (decimal(*arrival), decimal(*work), quoted(&format!("<{class}>")));
            text += &format!("{id},{arrival},{work},{estimate},{priority},{slots},{class}\n");
        }
        let trace = read_text(&text).unwrap();
        let mut sorted = rows.clone();
        sorted.sort_by_key(|row| row.0);
        prop_assert_eq!(trace.tasks.len(), sorted.len());
        for (task, (arrival, work, estimate, priority, slots, class)) in trace.tasks.iter().zip(sorted) {
            prop_assert_eq!((task.arrival.0, task.work, task.requested), (arrival, work, estimate));
            prop_assert_eq!((task.priority, task.slots), (f64::from(priority), slots));
            prop_assert_eq!(&trace.class_names[usize::from(task.class)], &format!("<{class}>"));
        }
    }
}
