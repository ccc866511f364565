#![no_main]

wilhelm_fuzz::target!(npz);
