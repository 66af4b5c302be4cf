/** The fenced blocks of a document, in order. */
export function blocksOf(markdown: string): readonly { language: string; text: string }[] {
  const fences = /^```(\w*).*\n([\s\S]*?)^```$/gm;
  return [...markdown.matchAll(fences)].map(([, language = '', text = '']) => ({ language, text }));
}
