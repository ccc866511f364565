#![no_main]

wilhelm_fuzz::target!(hl7_message);
