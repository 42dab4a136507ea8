/**
 * Why ours is behind `mongodb` where it is: the first that fits a section's id and a figure's name. What fits
 * none is listed as not explained.
 */
export const reasons = [
  {
    sections: /^idle/,
    figures: /^residentMemory$/,
    reason: 'each worker thread has a heap and a copy of the driver of its own',
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
    reason: 'two heaps grow instead of one, and bytes that wait between the threads are held twice',
  },
  {
    sections: /1(Workers\d|Cold)?$|^driverBench(RunCommand|FindOneById|SmallInsertOne)$/,
    figures: /^(latency|operationsPerSecond|megabytesPerSecond|processCpu)/,
    reason:
      'one operation at a time passes through two threads instead of one: each has to be woken, or polls for what is due (`busyPoll`)',
  },
  {
    sections: /Workers[24]$/,
    figures: /^(latency|operationsPerSecond)/,
    reason: 'on two cores each worker is a thread more with which the server shares them',
  },
  {
    sections: /^(find|update|insert)(One|Ten)\d|^driverBench(RunCommand|FindOneById)$/,
    figures: /^(stall|gap)/,
    reason:
      'a loop that waits for single answers hardly stalls: what is seen is the system, which shares its cores among one thread more',
  },
  {
    sections: /^http/,
    figures: /^processCpuShare$/,
    reason: 'it is a share of the time, and ours exports more documents in that',
  },
  {
    sections: /^http/,
    figures: /^(stall|gap)P99$/,
    reason:
      'it counts turns of the loop: of native, which stands still for long, a few very late ones among many idle ones; of ours, a late turn for each slice',
  },
  {
    sections: /^(find|update|insert)One/,
    figures: /^processCpu/,
    reason: 'the same driver does the same work in the worker; passing it on comes on top',
  },
  {
    sections: /^full/,
    figures: /^(processCpu|documentsPerSecond)/,
    reason: "values of BSON's rare types go through the driver's own decoder, one by one",
  },
  {
    sections: /GridFS(Multi)?Upload$/,
    figures: /^(processCpu|megabytesPerSecond)/,
    reason: 'the bytes of each chunk are copied once more, into a buffer that crosses',
  },
  {
    sections: /GridFS(Multi)?Download$/,
    figures: /^(processCpu|megabytesPerSecond|operationsPerSecond)/,
    reason:
      "bytes are garbage outside of V8's heap, for which it marks the whole of both threads' heaps again and again: five times for 50 MB where native has three, each time with four threads of its own on these two cores; and they are copied twice more",
  },
  {
    sections: /^(insertMany|driverBench.*(Insert|BulkWrite|Import))/,
    figures:
      /^(processCpu|documentsPerSecond|megabytesPerSecond|operationsPerSecond|mainCpu|stall|gap)/,
    reason: 'documents are encoded on main, where the objects are, before the call returns',
  },
];
