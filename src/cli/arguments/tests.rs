//! What can be typed, and what is said to what cannot.

use super::*;

fn read(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::read(line.split_whitespace().map(OsString::from))
}

#[test]
fn the_definition_is_consistent() {
    Arguments::definition().debug_assert();
}

#[test]
fn a_mistyped_command_is_answered_with_the_nearest() {
    let error = read("rehearsal rnu").unwrap_err();
    assert!(error.to_string().contains("'run'"), "{error}");
    let error = read("rehearsal run --sead 1").unwrap_err();
    assert!(error.to_string().contains("'--seed'"), "{error}");
}

#[test]
fn the_help_says_what_can_be_done_and_how_it_ends() {
    let help = Arguments::definition().term_width(100).render_help();
    insta::assert_snapshot!(help);
}

#[test]
fn the_help_of_the_main_job_names_every_flag() {
    let mut definition = Arguments::definition().term_width(100);
    definition.build();
    let run = definition.find_subcommand_mut("run").unwrap();
    insta::assert_snapshot!(run.render_help());
}
