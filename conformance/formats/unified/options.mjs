/**
 * Options as the driver takes them. The format writes a read preference as a document with a mode; read
 * and write concerns are what the driver takes already.
 *
 * @param {Record<string, any>} options
 * @param {typeof import('mongodb')} driver
 */
export function convertOptions(options, driver) {
  if (!options.readPreference) return { ...options };
  const { mode, tagSets, maxStalenessSeconds, hedge } = options.readPreference;
  return {
    ...options,
    readPreference: new driver.ReadPreference(mode, tagSets, {
      ...(maxStalenessSeconds !== undefined && { maxStalenessSeconds }),
      ...(hedge !== undefined && { hedge }),
    }),
  };
}
