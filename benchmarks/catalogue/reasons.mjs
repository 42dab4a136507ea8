/**
 * Explains the figures in which ours is behind `mongodb`. The first entry that matches a section's id and a
 * figure's name counts. A figure without an entry is listed as not explained.
 */
export const reasons = [
  {
    sections: /^idle/,
    figures: /^residentMemory$/,
    reason: 'each worker thread has its own heap and copy of the driver',
  },
  {
    sections: /^startUp$/,
    figures: /^(importTime|firstOperation|closeTime)$/,
    reason:
      'a thread starts, loads the driver and connects before the first answer; closing ends it',
  },
  {
    sections: /./,
    figures: /^memoryOverIdle$/,
    reason: 'two heaps grow instead of one, and bytes between the threads exist twice',
  },
  {
    sections: /1(Workers\d|Cold)?$|^driverBench(RunCommand|FindOneById|SmallInsertOne)$/,
    figures: /^(latency|operationsPerSecond|megabytesPerSecond|processCpu)/,
    reason:
      'a single operation passes through two threads instead of one: each wakes up, or polls (busyPoll)',
  },
  {
    sections: /Workers[24]$/,
    figures: /^(latency|operationsPerSecond)/,
    reason: 'on two cores, each worker competes with the server',
  },
  {
    sections: /^(find|update|insert)(One|Ten)\d|^driverBench(RunCommand|FindOneById)$/,
    figures: /^(stall|gap)/,
    reason:
      'a loop that waits for single answers hardly stalls: the figure shows the system, whose cores run one more thread',
  },
  {
    sections: /^http/,
    figures: /^processCpuShare$/,
    reason: 'the figure is a share of the time, and ours exports more documents in that time',
  },
  {
    sections: /^http/,
    figures: /^(stall|gap)P99$/,
    reason:
      'the figure counts turns of the loop: native has a few very late ones among many idle ones, ours a late one for each slice',
  },
  {
    sections: /^(find|update|insert)One/,
    figures: /^processCpu/,
    reason: 'the worker runs the same driver, and passing the call to it costs more',
  },
  {
    sections: /^full/,
    figures: /^(processCpu|documentsPerSecond)/,
    reason: "the driver's own decoder reads values of rare BSON types one by one",
  },
  {
    sections: /GridFS(Multi)?Upload$/,
    figures: /^(processCpu|megabytesPerSecond)/,
    reason: 'the bytes of each chunk are copied once more, into a buffer that is transferred',
  },
  {
    sections: /GridFS(Multi)?Download$/,
    figures: /^(processCpu|megabytesPerSecond|operationsPerSecond)/,
    reason:
      "the bytes are copied twice more, and V8 marks both threads' heaps for this garbage outside of them: five times for 50 MB, native three times",
  },
  {
    sections: /^(insertMany|driverBench.*(Insert|BulkWrite|Import))/,
    figures:
      /^(processCpu|documentsPerSecond|megabytesPerSecond|operationsPerSecond|mainCpu|stall|gap)/,
    reason: 'the main thread encodes the documents before the call returns',
  },
];
