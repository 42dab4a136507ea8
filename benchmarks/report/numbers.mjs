/** Formats a number with three significant digits, without decimals from 100 on. */
export function number(value) {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** Returns a median as it is shown, or a dash if the side was not measured. */
export function median(spread) {
  return spread === undefined ? '–' : number(spread.median);
}

/** Formats a ratio; a small one becomes a fraction: 1/8.3 rather than 0.12×. */
export function ratioText(ratio) {
  if (ratio === 0) return '0';
  return ratio < 0.67 ? `1/${(1 / ratio).toFixed(1)}` : `${ratio.toFixed(2)}×`;
}

/** Formats a goal: ≤ 1/8, ≥ 2×, ≤ 30, ≤ native + 40, flat within 20 %. */
export function goalText({ kind, better, goal }) {
  const sign = better === 'less' ? '≤' : '≥';
  switch (kind) {
    case 'flat':
      return `flat within ${Math.round((goal - 1) * 100)} %`;
    case 'difference':
      return `${sign} native + ${goal}`;
    case 'value':
      return `${sign} ${goal}`;
    default:
      return goal < 0.67
        ? `${sign} 1/${Math.round(1 / goal)} of native`
        : `${sign} ${goal} × native`;
  }
}

/** Formats the reached value in the terms of the goal, with the value of the floor. */
export function reachedText({ kind }, { reached, floor }) {
  const text = textOf[kind];
  return floor === undefined ? text(reached) : `${text(reached)} (floor ${text(floor)})`;
}

const textOf = {
  ratio: ratioText,
  difference: (reached) => `native ${reached < 0 ? '−' : '+'} ${number(Math.abs(reached))}`,
  flat: (reached) => `${reached.toFixed(2)} × the least`,
  value: number,
};
