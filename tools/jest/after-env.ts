// Runs in every test file, after jest's globals exist and before the file's own code: the place for a
// check that should hold in every test.
