#![no_main]

wilhelm_fuzz::target!(measurement_report);
