/**
 * Reads two fields of each document, as an application would: the first string and the first number of the first
 * document. All sides must read the same.
 */
export class Witness {
  seen = { documents: 0, characters: 0, sum: 0 };
  #text;
  #number;

  look(document) {
    const { seen } = this;
    if (seen.documents++ === 0) {
      this.#text = firstOf('string', document);
      this.#number = firstOf('number', document);
    }
    const text = document[this.#text];
    const number = document[this.#number];
    if (typeof text === 'string') seen.characters += text.length;
    if (typeof number === 'number') seen.sum = (seen.sum + Math.trunc(number)) % 1e9;
  }
}

function firstOf(type, document) {
  return Object.keys(document).find((key) => typeof document[key] === type);
}
