#![no_main]

wilhelm_fuzz::target!(jpeg_extended);
