/** Sets the sizes: enough for reliable figures, all with `--full`, very little with `--quick`. */
export function sizesFor({ quick, full, documents, data }) {
  return {
    data,
    ...(quick ? quickSizes : usualSizes),
    ...documentsOf(quick, documents),
    driverBench: driverBench(quick, full),
  };
}

function documentsOf(quick, documents = quick ? 1_000 : 20_000) {
  return { documents };
}

const usualSizes = {
  largeDocuments: 200_000,
  fewDocuments: 2_000,
  fewRepeats: 10,
  pointDocuments: 10_000,
  operations: 2_000,
  warmUpOperations: 4_000,
  coldOperations: 500,
  inserts: 10_000,
  exportDocuments: 20_000,
  exports: 3,
  httpSeconds: 3,
};

const quickSizes = {
  largeDocuments: 2_000,
  fewDocuments: 100,
  fewRepeats: 2,
  pointDocuments: 1_000,
  operations: 200,
  warmUpOperations: 200,
  coldOperations: 50,
  inserts: 500,
  exportDocuments: 500,
  exports: 2,
  httpSeconds: 1,
};

function driverBench(quick, full) {
  if (quick) {
    return {
      operations: 100,
      warmUpOperations: 100,
      largeOperations: 1,
      bulk: 200,
      mixed: 20,
      gridFSBytes: 1_000_000,
      ldjson: { count: 2, documentsInFile: 100 },
      binaries: { count: 2, bytes: 500_000 },
    };
  }
  return {
    operations: full ? 10_000 : 2_000,
    warmUpOperations: 4_000,
    largeOperations: 10,
    bulk: 10_000,
    // Each takes three round trips: with the 10,000 of DriverBench, a pass takes a minute.
    mixed: 1_000,
    gridFSBytes: 52_428_800,
    ldjson: { count: full ? 100 : 10, documentsInFile: full ? 5_000 : 1_000 },
    binaries: { count: full ? 50 : 10, bytes: 5_242_880 },
  };
}
