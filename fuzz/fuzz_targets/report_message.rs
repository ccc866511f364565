#![no_main]

wilhelm_fuzz::target!(report_targets::report_message);
