/** A message of one line: a value may hold line breaks, which would tear it apart in a log. */
export function oneLine(message: string): string {
  return message.replace(/[\u0000-\u001f\u007f]/g, (each) => JSON.stringify(each).slice(1, -1));
}
