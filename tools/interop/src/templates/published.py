"""Chat templates in the manner of those that models are published with, and conversations to render with them."""

TOOL = {
    "type": "function",
    "function": {
        "name": "size", "description": "The \"size\" of a thing — in cm/m",
        "parameters": {"type": "object", "properties": {"of": {"type": "string", "description": "Größe"}, "unit": {"type": ["string", "null"], "enum": ["cm", "m"]}, "exact": {"type": "boolean", "default": False}}, "required": ["of"]},
    },
}
CALL = {"id": "abc123456", "type": "function", "function": {"name": "size", "arguments": {"of": "Größe", "n": 1, "f": 1.5, "ok": True, "none": None, "list": [1, "a"]}}}


def conversations() -> list[dict]:
    system = {"role": "system", "content": " Be brief. "}
    user = {"role": "user", "content": "How big is <a> & 'b'? 😀\n"}
    answer = {"role": "assistant", "content": "  Größe: 42 {cm}. "}
    thought = {"role": "assistant", "content": "<think>\nhm, 1 + 1\n</think>\n\nTwo."}
    split = {"role": "assistant", "reasoning_content": "let me see", "thinking": "let me see", "content": "Three."}
    call = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    calls = {"role": "assistant", "content": "", "tool_calls": [CALL, {**CALL, "id": "def123456", "function": {"name": "size", "arguments": "{\"of\": \"x\"}"}}]}
    result = {"role": "tool", "name": "size", "tool_call_id": "abc123456", "content": "42"}
    parts = {"role": "user", "content": [{"type": "text", "text": " See "}, {"type": "image"}, {"type": "text", "text": "this"}]}
    document = {"title": "A\"b", "text": "some text", "doc_id": 1}
    base = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    tools = {"tools": [TOOL]}
    given = [
        {"messages": [user]}, {"messages": [user], "add_generation_prompt": True}, {"messages": [system, user, answer]}, {"messages": [system, user, answer, user], "add_generation_prompt": True},
        {"messages": [user, answer, user, thought]}, {"messages": [user, thought, user], "add_generation_prompt": True}, {"messages": [user, split, user], "add_generation_prompt": True, "enable_thinking": False},
        {"messages": [user, split], "enable_thinking": True}, {"messages": [system, user, call, result, answer], **tools}, {"messages": [user, call, result], **tools, "add_generation_prompt": True},
        {"messages": [system, user, calls, result, {**result, "tool_call_id": "def123456"}, answer], **tools}, {"messages": [user], **tools, "add_generation_prompt": True}, {"messages": [system, user], "documents": [document], "add_generation_prompt": True},
        {"messages": [parts, answer]}, {"messages": [system, parts], "add_generation_prompt": True}, {"messages": [{"role": "user", "content": None}]}, {"messages": [{"role": "user", "content": 5}]}, {"messages": [{"role": "user", "content": ""}, answer]},
        {"messages": [answer, user]}, {"messages": [user, user]}, {"messages": [system]}, {"messages": [{"role": "critic", "content": "no"}]}, {"messages": [{"role": "user"}]}, {"messages": [{"role": "developer", "content": "Dev."}, user], "add_generation_prompt": True},
        {"messages": [{"role": "user", "content": ["a", "b"]}]}, {"messages": [{"role": "user", "content": True}, {"role": "assistant", "content": 1.5}]}, {"messages": []}, {"messages": [system, user, {"role": "assistant", "content": None}]},
        {"messages": [user, {**call, "tool_calls": []}]}, {"messages": [user, answer], "add_generation_prompt": True, "continue_final_message": False}, {"messages": [user, call, result, result, answer, user], "tools": [TOOL, TOOL]},
    ]
    return [{**base, **one} for one in given]


def chatml(turn="", generation=False, default="") -> str:
    begin, end = ("{% generation %}", "{% endgeneration %}") if generation else ("", "")
    return (
        (f"{{% if messages[0].role != 'system' %}}{{{{ '<|im_start|>system\\n{default}<|im_end|>\\n' }}}}{{% endif %}}\n" if default else "")
        + "{% for message in messages %}\n{% if message['role'] == 'assistant' %}\n{{ '<|im_start|>assistant\\n' }}" + begin + "{{ message['content'] + '<|im_end|>' }}" + end + "{{ '\\n' }}\n{% else %}\n{{ '<|im_start|>' + message['role'] + '\\n' + message['content']" + turn + " + '<|im_end|>\\n' }}\n{% endif %}\n{% endfor %}\n"
        + "{% if add_generation_prompt %}\n{{ '<|im_start|>assistant\\n' }}\n{% endif %}"
    )


def qwen(thinking: bool) -> str:
    think = """
{%- set ns = namespace(multi=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi and message.role == 'user' and message.content is string and not (message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}""" if thinking else ""
    body = """
        {%- set reasoning = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or reasoning) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}""" if thinking else "\n        {{- '<|im_start|>' + message.role + '\\n' + content }}"
    return """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools>\\n<|im_end|>\\n" }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}""" + think + """
{%- for message in messages %}
    {%- if message.content is string %}{%- set content = message.content %}{%- else %}{%- set content = '' %}{%- endif %}
    {%- if (message.role == 'user') or (message.role == 'system' and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == 'assistant' %}""" + body + """
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
                {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
                {{- '<tool_call>\\n{"name": "' }}
                {{- tool_call.name }}
                {{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}{{- tool_call.arguments }}{%- else %}{{- tool_call.arguments | tojson }}{%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.first or (messages[loop.index0 - 1].role != 'tool') %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != 'tool') %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}"""


LLAMA_HEAD = "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' %}"


def llama31(date: str, indent: str) -> str:
    return """{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = '""" + date + """' %}{%- endif %}
{%- if not tools_in_user_message is defined %}{%- set tools_in_user_message = true %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = '' %}
{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\n' }}
{%- if tools is not none %}{{- 'Environment: ipython\\n' }}{%- endif %}
{{- 'Today: ' + date_string + '\\n\\n' }}
{{- system_message + '<|eot_id|>' }}
{%- if tools_in_user_message and not tools is none %}
    {%- if messages | length != 0 %}
        {%- set first = messages[0]['content']|trim %}
        {%- set messages = messages[1:] %}
    {%- else %}
        {{- raise_exception('no first message for the tools') }}
    {%- endif %}
    {{- '<|start_header_id|>user<|end_header_id|>\\n\\n' }}
    {%- for t in tools %}{{- t | tojson(indent=""" + indent + """) }}{{- '\\n\\n' }}{%- endfor %}
    {{- first + '<|eot_id|>' }}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception('one call at a time') }}{%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", "parameters": ' }}{{- tool_call.arguments | tojson }}{{- '}' }}{{- '<|eot_id|>' }}
    {%- else %}
        {{- '<|start_header_id|>ipython<|end_header_id|>\\n\\n' }}
        {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
        {{- '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"""


def mistral(space: str, tools: bool, system: bool) -> str:
    return "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}\n" + (
        "{%- if not tools is defined %}{%- set tools = none %}{%- endif %}\n{%- set user_messages = loop_messages | selectattr('role', 'equalto', 'user') | list %}\n" if tools else ""
    ) + """{%- set ns = namespace(index=0) %}
{%- for message in loop_messages %}
    {%- if not (message.role == 'tool' or message.role == 'tool_results' or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message['role'] == 'user') != (ns.index % 2 == 0) %}{{- raise_exception('roles must alternate user/assistant/user/assistant/...') }}{%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message['role'] == 'user' %}
""" + ("""        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- '[AVAILABLE_TOOLS]""" + space + """[' }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != 'return' %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ', ' }}{%- endif %}
                {%- endfor %}
                {{- '}}' }}
                {%- if not loop.last %}{{- ', ' }}{%- else %}{{- ']' }}{%- endif %}
            {%- endfor %}
            {{- '[/AVAILABLE_TOOLS]' }}
        {%- endif %}
""" if tools else "") + ("        {%- if loop.last and system_message is defined %}{{- '[INST]" + space + "' + system_message + '\\n\\n' + message['content'] + '[/INST]' }}{%- else %}{{- '[INST]" + space + "' + message['content'] + '[/INST]' }}{%- endif %}\n" if system else "        {{- '[INST]" + space + "' + message['content'] + '" + space + "[/INST]' }}\n") + """    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- '[TOOL_CALLS]""" + space + """[' }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}{{- raise_exception('ids have nine letters') }}{%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {%- if not loop.last %}{{- ', ' }}{%- else %}{{- ']' + eos_token }}{%- endif %}
        {%- endfor %}
    {%- elif message['role'] == 'assistant' %}
        {{- '""" + space + """' + message['content']|trim + eos_token }}
    {%- elif message['role'] == 'tool_results' or message['role'] == 'tool' %}
        {%- if message.content is defined and message.content.content is defined %}{%- set content = message.content.content %}{%- else %}{%- set content = message.content %}{%- endif %}
        {{- '[TOOL_RESULTS]""" + space + """{"content": ' + content|string + ', "call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception('only user, assistant and tool roles, got ' + message['role']) }}
    {%- endif %}
{%- endfor %}
"""


def gemma(third: bool) -> str:
    content = """{%- if message['content'] is string -%}
        {{ (first_prefix if loop.first else '') + message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}{%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}{%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}{%- endfor -%}
    {%- else -%}{{ raise_exception('content of another kind') }}{%- endif -%}""" if third else "{{ message['content'] | trim }}"
    head = """{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}{%- set first_prefix = messages[0]['content'] + '\\n\\n' -%}{%- else -%}{%- set first_prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}{%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}{%- set first_prefix = '' -%}{%- set loop_messages = messages -%}{%- endif -%}""" if third else "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}{% set loop_messages = messages %}"
    return "{{ bos_token }}" + head + """{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}{{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}{%- endif -%}
    {%- if (message['role'] == 'assistant') -%}{%- set role = 'model' -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' }}""" + content + """{{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"""


def deepseek(think: bool, tools: bool) -> str:
    strip = "{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}" if think else "{% set content = message['content'] %}"
    return """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='', is_first_sp=true) %}
{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system_prompt }}
{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{ '<|User|>' + message['content'] }}{%- endif %}
{%- if message['role'] == 'assistant' and """ + ("message['tool_calls'] is defined and message['tool_calls'] is not none" if tools else "message['content'] is none") + """ %}{%- set ns.is_tool = false -%}
{%- for tool in message['tool_calls'] %}{%- if not ns.is_first %}{{ '<|Assistant|><|calls|><|call|>' + tool['type'] + '<|sep|>' + tool['function']['name'] + '\\n```json\\n' + """ + ("(tool['function']['arguments'] if tool['function']['arguments'] is string else tool['function']['arguments'] | tojson)" if tools else "tool['function']['arguments']") + """ + '\\n```<|end|>' }}{%- set ns.is_first = true -%}{%- else %}{{ '\\n<|call|>' + tool['function']['name'] }}{%- endif %}{%- endfor %}{{ eos_token }}{%- endif %}
{%- if message['role'] == 'assistant' and message['content'] is not none %}{%- if ns.is_tool %}{{ '<|outputs_end|>' + message['content'] + eos_token }}{%- set ns.is_tool = false -%}{%- else %}""" + strip + """{{ '<|Assistant|>' + content + eos_token }}{%- endif %}{%- endif %}
{%- if message['role'] == 'tool' %}{%- set ns.is_tool = true -%}{%- if ns.is_output_first %}{{ '<|outputs|><|output|>' + message['content'] + '<|output_end|>' }}{%- set ns.is_output_first = false %}{%- else %}{{ '\\n<|output|>' + message['content'] + '<|output_end|>' }}{%- endif %}{%- endif %}
{%- endfor -%}{% if ns.is_tool %}{{ '<|outputs_end|>' }}{% endif %}{% if add_generation_prompt and not ns.is_tool %}{{ '<|Assistant|>""" + ("<think>\\n" if think else "") + """' }}{% endif %}"""


GPT_OSS = """{%- macro typescript(spec, required) -%}
    {%- if spec.type == 'array' -%}{{- typescript(spec['items'], required) + '[]' }}
    {%- elif spec.type is defined and spec.type is iterable and spec.type is not string and spec.type is not mapping -%}{{- spec.type | join(' | ') }}
    {%- elif spec.type == 'object' -%}{
        {%- for key, value in spec.properties.items() -%}{{- key }}{%- if key not in (spec.required or []) -%}?{%- endif -%}: {{ typescript(value, required) }}{%- if value.default is defined -%}, // default: {{ value.default|tojson if value.default is not string else value.default }}{%- endif -%}{%- if not loop.last %}, {% endif -%}{%- endfor -%} }
    {%- elif spec.enum is defined -%}"{{ spec.enum|join('" | "') }}"
    {%- else -%}{{- spec.type or 'any' }}{%- endif -%}
{%- endmacro -%}
{%- if developer_message is not defined -%}
    {%- if messages[0].role == 'developer' or messages[0].role == 'system' -%}{%- set developer_message = messages[0].content %}{%- set loop_messages = messages[1:] %}
    {%- else -%}{%- set developer_message = '' %}{%- set loop_messages = messages %}{%- endif -%}
{%- endif -%}
<|start|>system<|message|>Reasoning: {{ reasoning_effort|default('medium') }}
{{- '\\n# Valid channels: analysis, commentary, final.' }}<|end|>
{%- if developer_message or tools %}<|start|>developer<|message|>{{ developer_message }}
{%- for tool in tools or [] %}{%- set f = tool.function %}
// {{ f.description }}
type {{ f.name }} = (_: {{ typescript(f.parameters, f.parameters.required) }}) => any;
{%- endfor %}<|end|>{%- endif %}
{%- set last_call = namespace(name=none) %}
{%- for message in loop_messages -%}
    {%- if message.role == 'assistant' -%}
        {%- if message.tool_calls -%}
            {%- if message.content and message.thinking %}{{- raise_exception('both content and thinking') }}{%- endif %}
            {%- for call in message.tool_calls -%}{%- set last_call.name = call.function.name %}<|start|>assistant to=functions.{{ last_call.name }}<|channel|>commentary json<|message|>{{ call.function.arguments|tojson }}<|call|>{%- endfor -%}
        {%- elif loop.last and not add_generation_prompt -%}
            {%- if message.thinking is defined -%}<|start|>assistant<|channel|>analysis<|message|>{{ message.thinking }}<|end|>{%- endif -%}
            <|start|>assistant<|channel|>final<|message|>{% generation %}{{ message.content }}<|return|>{% endgeneration %}
        {%- else -%}{%- set last_call.name = none %}<|start|>assistant<|channel|>final<|message|>{{ message.content }}<|end|>{%- endif -%}
    {%- elif message.role == 'tool' -%}
        {%- if last_call.name is none %}{{- raise_exception('a result without a call') }}{%- endif %}<|start|>functions.{{ last_call.name }} to=assistant<|channel|>commentary<|message|>{{ message.content|tojson }}<|end|>
    {%- elif message.role == 'user' -%}<|start|>user<|message|>{{ message.content }}<|end|>{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|start|>assistant{%- endif -%}"""

COMMAND_R = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}
{% if system_message != false %}{{ '<|START|><|SYSTEM|>' + system_message + '<|END|>' }}{% endif %}
{% if documents %}{{ '<|START|><|SYSTEM|><results>' }}{% for document in documents %}{{ '\\nDocument: ' }}{{ loop.index0 }}{% for key, value in document.items() %}{{ '\\n' ~ key ~ ': ' ~ value }}{% endfor %}{% endfor %}{{ '</results><|END|>' }}{% endif %}
{% if tools %}{% for tool in tools %}{{ '\\n```python\\ndef ' + tool.function.name + '(' }}{% for name, p in tool.function.parameters.properties.items() %}{{ name }}: {{ p.type if p.type is string else p.type|join('|') }}{{ ' = None' if name not in tool.function.parameters.required }}{{ ', ' if not loop.last }}{% endfor %}{{ '):\\n    \"\"\"' + tool.function.description|indent(4) + '\"\"\"```' }}{% endfor %}{% endif %}
{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% set content = message['content'] %}{% if message['role'] == 'user' %}{{ '<|START|><|USER|>' + content.strip() + '<|END|>' }}{% elif message['role'] == 'assistant' %}{{ '<|START|><|BOT|>' + content.strip() + '<|END|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|START|><|BOT|>' }}{% endif %}"""

GRANITE = """{%- set dates = strftime_now('%%') %}
{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set system_message = 'Knowledge ' + dates %}{%- if tools and documents %}{%- set system_message = system_message + ' both' %}{%- elif tools %}{%- set system_message = system_message + ' tools' %}{%- elif documents %}{%- set system_message = system_message + ' docs' %}{%- endif %}{%- set loop_messages = messages %}{%- endif %}
{{- '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>\\n' }}
{%- if tools %}{{- '<|start_of_role|>tools<|end_of_role|>' }}{{- tools | tojson(indent=4) }}{{- '<|end_of_text|>\\n' }}{%- endif %}
{%- if documents %}{%- for document in documents %}{{- 'Document ' + loop.index0 | string + '\\n' }}{{- document['text'] }}{%- if not loop.last %}{{- '\\n\\n' }}{%- endif %}{%- endfor %}{%- endif %}
{%- for message in loop_messages %}{{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] + '<|end_of_text|>\\n' }}{%- if loop.last and add_generation_prompt %}{{- '<|start_of_role|>assistant' }}{%- if controls %}{{- ' ' + controls | tojson() }}{%- endif %}{{- '<|end_of_role|>' }}{%- endif %}{%- endfor %}"""


def templates() -> dict[str, str]:
    simple = "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
    llama2 = "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
    return {
        "llama-2": llama2,
        "llama-3": "{% set loop_messages = messages %}{% for message in loop_messages %}" + LLAMA_HEAD + "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
        "llama-3.1": llama31("26 Jul 2024", "4"), "llama-3.2": llama31("1 Sep 2025", "none"),
        "chatml": chatml(), "chatml-generation": chatml(generation=True), "chatml-trim": chatml(" | trim"), "chatml-strip": chatml(".strip()"), "smollm2": chatml(default="You are small."), "yi": chatml(turn=""),
        "smollm3": "{%- set mode = '/think' if enable_thinking is not defined or enable_thinking else '/no_think' %}{%- set system_message = messages[0].content.rstrip() if messages and messages[0].role == 'system' else 'none' %}{{ '<|im_start|>system\\n' ~ mode ~ '\\n' ~ system_message ~ '<|im_end|>\\n' }}{%- for message in messages %}{%- set content = message.content if message.content is string else '' %}{%- if message.role == 'user' %}{{ '<|im_start|>user\\n' + content + '<|im_end|>\\n' }}{%- elif message.role == 'assistant' %}{% generation %}{% if mode == '/think' %}{{ '<|im_start|>assistant\\n' + content.lstrip('\\n') + '<|im_end|>\\n' }}{% else %}{{ '<|im_start|>assistant\\n<think>\\n\\n</think>\\n' + content.lstrip('\\n') + '<|im_end|>\\n' }}{% endif %}{% endgeneration %}{%- endif %}{%- endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
        "qwen-2.5": qwen(False), "qwen-3": qwen(True),
        "mistral-v1": mistral(" ", False, False), "mistral-v2": mistral(" ", True, False), "mistral-v3": mistral(" ", True, True), "mistral-nemo": mistral("", True, True), "mistral-v7": "{{ bos_token }}{% for message in messages %}{% if message.role == 'user' %}{{ '[INST]' + (message.content if message.content is string else message.content|selectattr('type', 'equalto', 'text')|map(attribute='text')|join('')) + '[/INST]' }}{% elif message.role == 'system' %}{{ '[SYSTEM_PROMPT]' + message.content + '[/SYSTEM_PROMPT]' }}{% elif message.role == 'assistant' %}{{ message.content + eos_token }}{% else %}{{ raise_exception('roles') }}{% endif %}{% endfor %}",
        "gemma-2": gemma(False), "gemma-3": gemma(True),
        "phi-3": "{% for message in messages %}{% if message['role'] == 'system' %}{{ '<|system|>\\n' + message['content'] + '<|end|>\\n' }}{% elif message['role'] == 'user' %}{{ '<|user|>\\n' + message['content'] + '<|end|>\\n' }}{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\\n' + message['content'] + '<|end|>\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}",
        "phi-4": "{% for message in messages %}{% if (message['role'] in ['system', 'user', 'assistant']) %}{{ '<|im_start|>' ~ message['role'] ~ '<|im_sep|>' ~ message['content'] ~ '<|im_end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}",
        "phi-4-mini": "{% for message in messages %}{% if message['role'] == 'system' and 'tools' in message and message['tools'] is not none %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|tool|>' + message['tools'] + '<|/tool|>' + '<|end|>' }}{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}",
        "deepseek-v2": "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\\n\\n' }}{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token }}{% elif message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
        "deepseek-v3": deepseek(False, False), "deepseek-v3.1": deepseek(False, True), "deepseek-r1": deepseek(True, False), "deepseek-r1-tools": deepseek(True, True),
        "zephyr": simple, "tulu": "{% for message in messages %}{% if message['role'] == 'assistant' %}{% if not loop.last %}{{ '<|assistant|>\\n' + message['content'] + eos_token + '\\n' }}{% else %}{{ '<|assistant|>\\n' + message['content'] + eos_token }}{% endif %}{% else %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + '\\n' }}{% endif %}{% if loop.last and add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}{% endfor %}",
        "command-r": COMMAND_R, "gpt-oss": GPT_OSS, "granite-3": GRANITE,
        "falcon": "{% for message in messages %}{% if not loop.first %}{{ '\\n' }}{% endif %}{% if message['role'] == 'system' %}{{ message['content']|trim }}{% elif message['role'] == 'user' %}{{ 'User: ' + message['content'].strip().replace('\\r\\n', '\\n').replace('\\n\\n', '\\n') }}{% elif message['role'] == 'assistant' %}{{ 'Falcon: ' + message['content'].strip() }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '\\n' + 'Falcon:' }}{% endif %}",
        "olmo": "{{ bos_token }}{% for message in messages %}{%- if message['role'] == 'system' -%}{{ '<|system|>\\n' ~ message['content'] ~ '\\n' }}{%- elif message['role'] == 'user' -%}{{ '<|user|>\\n' ~ message['content'] ~ '\\n' }}{%- elif message['role'] == 'assistant' -%}{{ '<|assistant|>\\n' }}{% generation %}{{ message['content'] }}{{ eos_token }}{% endgeneration %}{% if not loop.last %}{{ '\\n' }}{% endif %}{%- endif -%}{%- if loop.last and add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}{%- endfor -%}",
        "internlm-2": "{{ bos_token }}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
        "vicuna": "{% for message in messages %}{% if loop.first and message.role == 'system' %}{{ message.content }} {% elif message.role == 'user' %}USER: {{ message.content }} {% else %}ASSISTANT: {{ message.content }}{{ eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}",
        "openchat": "{{ bos_token }}{% for message in messages %}{{ 'GPT4 Correct ' + message['role'].title() + ': ' + message['content'] + '<|end_of_turn|>' }}{% endfor %}{% if add_generation_prompt %}{{ 'GPT4 Correct Assistant:' }}{% endif %}",
        "hermes-tools": "{%- macro json_type(t) %}{%- set types = {'string': 'str', 'number': 'float', 'integer': 'int', 'boolean': 'bool', 'array': 'list'} %}{%- if t.type is string and t.type in types %}{{- types[t.type] }}{%- elif t.type is iterable %}{{- 'Union[' + t.type|join(',') + ']' }}{%- else %}{{- 'Any' }}{%- endif %}{%- endmacro %}{{ bos_token }}{% for tool in tools or [] %}{{ tool.function.name }}({% for n, p in tool.function.parameters.properties.items() %}{{ n }}: {{ json_type(p) }}{{ ', ' if not loop.last }}{% endfor %}){{ tool.function|tojson }}\n{% endfor %}{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' ~ m.content }}{% for c in m.tool_calls or [] %}{{ '\\n<tool_call>' ~ c.function.arguments|tojson ~ '</tool_call>' }}{% endfor %}{{ '<|im_end|>\\n' }}{% endfor %}",
        "alpaca-filter": "{% filter trim %}{% for m in messages %}{% call turn(m) %}{% endcall %}{% endfor %}{% endfilter %}".replace("{% call turn(m) %}{% endcall %}", "### {{ m.role|capitalize }}:\n{{ m.content|default('', true)|string|trim }}\n\n"),
        "call-blocks": "{% macro turn(role) %}<{{ role }}>{{ caller() }}</{{ role }}>{% endmacro %}{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}{% call turn(m.role) %}{{ m.content }}{% endcall %}{% endfor %}",
    }
