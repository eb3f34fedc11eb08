/** Where a tokenizer's chat templates stand: in a file of their own, or in tokenizer_config.json. */
import { asArray, asObject, asString, type JsonObject, parseObject } from './json-value.js'

/** Chat templates by their names. config: tokenizer_config.json. Throws tokenizer.file. */
export function parseChatTemplates(texts: ReadonlyMap<string, string>, config: JsonObject): Record<string, string> {
  const jinja = texts.get('chat_template.jinja')
  if (jinja !== undefined) return { default: jinja }
  const separate = texts.get('chat_template.json')
  const file = separate === undefined ? 'tokenizer_config.json' : 'chat_template.json'
  const value = separate === undefined ? config.chat_template : parseObject(file, separate).chat_template
  if (value === undefined || value === null) return {}
  if (typeof value === 'string') return { default: value }
  return Object.fromEntries(
    asArray(file, 'chat_template', value).map((item, index) => {
      const place = `chat_template[${index}]`
      const entry = asObject(file, place, item)
      return [asString(file, `${place}.name`, entry.name), asString(file, `${place}.template`, entry.template)]
    }),
  )
}
