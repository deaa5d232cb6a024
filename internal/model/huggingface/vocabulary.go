package huggingface

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

const (
	tokenizerFile       = "tokenizer.json"
	tokenizerConfigFile = "tokenizer_config.json"
	templateFile        = "chat_template.jinja"
	oldTemplateFile     = "chat_template.json"
)

// tokenizerJSON is what is read of tokenizer.json.
type tokenizerJSON struct {
	Added []addedToken `json:"added_tokens"`
	Model struct {
		Type         string           `json:"type"`
		Vocab        map[string]int32 `json:"vocab"`
		Merges       merges           `json:"merges"`
		Bytes        bool             `json:"byte_fallback"`
		IgnoreMerges bool             `json:"ignore_merges"`
	} `json:"model"`
	Normalizer    *step `json:"normalizer"`
	PreTokenizer  *step `json:"pre_tokenizer"`
	PostProcessor *step `json:"post_processor"`
}

// addedToken is a token beside those of the merges.
type addedToken struct {
	ID      int32  `json:"id"`
	Content string `json:"content"`
	Special bool   `json:"special"`
}

// merges is a list of pairs, "left right" or, in newer files, ["left", "right"].
type merges []string

// UnmarshalJSON reads either form. A space within a half is written as byte-level tokens write it.
func (m *merges) UnmarshalJSON(data []byte) error {
	var pairs [][2]string
	if json.Unmarshal(data, (*[]string)(m)) == nil {
		return nil
	}
	if err := json.Unmarshal(data, &pairs); err != nil {
		return fmt.Errorf("merges are neither texts nor pairs of texts: %w", err)
	}
	*m = make(merges, len(pairs))
	for i, p := range pairs {
		(*m)[i] = strings.ReplaceAll(p[0], " ", "Ġ") + " " + strings.ReplaceAll(p[1], " ", "Ġ")
	}
	return nil
}

// tokenizerConfig is what is read of tokenizer_config.json.
type tokenizerConfig struct {
	Added    map[string]addedToken `json:"added_tokens_decoder"` // by id
	Template templates             `json:"chat_template"`
	BOS      tokenName             `json:"bos_token"`
	EOS      tokenName             `json:"eos_token"`
	UNK      tokenName             `json:"unk_token"`
	PAD      tokenName             `json:"pad_token"`
	AddBOS   *bool                 `json:"add_bos_token"`
	AddEOS   *bool                 `json:"add_eos_token"`
}

// tokenName is a token by its text: a text, or an object with one.
type tokenName string

// UnmarshalJSON reads either form; null is no token.
func (t *tokenName) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, (*string)(t)) == nil {
		return nil
	}
	var object struct {
		Content string `json:"content"`
	}
	err := json.Unmarshal(data, &object)
	*t = tokenName(object.Content)
	return err
}

// templates is a chat template: a text, or a list of named ones, of which the default counts.
type templates string

// UnmarshalJSON reads either form; null is no template.
func (t *templates) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, (*string)(t)) == nil {
		return nil
	}
	var named []struct {
		Name string `json:"name"`
		Text string `json:"template"`
	}
	err := json.Unmarshal(data, &named)
	for _, n := range named {
		if n.Name == "default" {
			*t = templates(n.Text)
		}
	}
	return err
}

// tokenIDs are the special tokens that config.json and generation_config.json name.
type tokenIDs struct {
	BOS idList `json:"bos_token_id"`
	EOS idList `json:"eos_token_id"`
	PAD idList `json:"pad_token_id"`
}

// idList is one id or several.
type idList []int32

// UnmarshalJSON reads either form; null and negative ids are none.
func (l *idList) UnmarshalJSON(data []byte) error {
	var list []int32
	if err := json.Unmarshal(data, &list); err != nil {
		var id int32
		if err := json.Unmarshal(data, &id); err != nil {
			return err
		}
		list = []int32{id}
	}
	*l = slices.DeleteFunc(list, func(id int32) bool { return id < 0 })
	return nil
}

// vocabulary reads the tokenizer of a model whose embedding has size rows, and the chat template,
// "" for none.
func (f *Folder) vocabulary(size int) (v tokenizer.Vocab, template string, err error) {
	var t tokenizerJSON
	var c tokenizerConfig
	var g struct{ tokenIDs }
	err = f.readJSON(tokenizerFile, &t)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: tokenizers in other forms are not read", err)
	}
	if err := errors.Join(err, f.readOptional(tokenizerConfigFile, &c), f.readOptional(generationFile, &g)); err != nil {
		return v, "", err
	}
	v = tokenizer.Vocab{Model: "gpt2", Merges: t.Model.Merges, BOS: -1, EOS: -1, EOT: -1, UNK: -1, PAD: -1, SEP: -1}
	if v.Pre, err = t.pre(); err == nil {
		v.Tokens, v.Types, err = t.tokens(c.added(), size)
	}
	if err != nil {
		return v, "", fmt.Errorf("%s: %w", f.path(tokenizerFile), err)
	}
	if err := f.specials(&v, &t, &c, g.tokenIDs); err != nil {
		return v, "", err
	}
	template, err = f.template(string(c.Template))
	return v, template, err
}

// added lists the tokens of added_tokens_decoder.
func (c *tokenizerConfig) added() []addedToken {
	var list []addedToken
	for _, key := range slices.Sorted(maps.Keys(c.Added)) {
		if id, err := strconv.ParseInt(key, 10, 32); err == nil {
			token := c.Added[key]
			token.ID = int32(id)
			list = append(list, token)
		}
	}
	return list
}

// tokens lists the texts and kinds of all tokens. more are added tokens that tokenizer.json may
// lack. Ids without a token keep their places free, as the embedding has rows for them.
func (t *tokenizerJSON) tokens(more []addedToken, size int) ([]string, []int32, error) {
	texts, kinds := make([]string, size), make([]int32, size)
	place := func(id int32, text string, kind tokenizer.Kind) error {
		switch {
		case id < 0 || int(id) >= size:
			return fmt.Errorf("token %q has the id %d, the embedding has %d rows", text, id, size)
		case kinds[id] != 0 && texts[id] != text:
			return fmt.Errorf("tokens %q and %q have the same id %d", texts[id], text, id)
		}
		texts[id], kinds[id] = text, int32(kind)
		return nil
	}
	for text, id := range t.Model.Vocab {
		if err := place(id, text, tokenizer.Normal); err != nil {
			return nil, nil, err
		}
	}
	for _, token := range append(more, t.Added...) {
		if err := place(token.ID, token.Content, token.kind()); err != nil {
			return nil, nil, err
		}
	}
	for id := range texts {
		if kinds[id] == 0 {
			texts[id], kinds[id] = fmt.Sprintf("[PAD%d]", id), int32(tokenizer.Unused)
		}
	}
	return texts, kinds, nil
}

// kind is the token's type: one whose text looks like a mark is one, whatever the file says.
func (t addedToken) kind() tokenizer.Kind {
	between := func(begin, end string) bool {
		return strings.HasPrefix(t.Content, begin) && strings.HasSuffix(t.Content, end)
	}
	if t.Special || between("<|", "|>") || between("<｜", "｜>") || between("<unused", ">") ||
		slices.Contains([]string{"<pad>", "<mask>", "<2mass>", "[@BOS@]"}, t.Content) {
		return tokenizer.Control
	}
	return tokenizer.UserDefined
}

// specials finds the special tokens: by the texts of tokenizer_config.json, or else by the ids of
// config.json, or else of generation_config.json. Of several ends, a further one ends a turn.
func (f *Folder) specials(v *tokenizer.Vocab, t *tokenizerJSON, c *tokenizerConfig, g tokenIDs) error {
	byText := map[string]int32{}
	for _, token := range append(c.added(), t.Added...) {
		byText[token.Content] = token.ID
	}
	ids := f.config.tokenIDs
	for _, special := range []struct {
		id   *int32
		text tokenName
		ids  []int32
	}{
		{&v.BOS, c.BOS, slices.Concat(ids.BOS, g.BOS)}, {&v.EOS, c.EOS, slices.Concat(ids.EOS, g.EOS)},
		{&v.UNK, c.UNK, nil}, {&v.PAD, c.PAD, slices.Concat(ids.PAD, g.PAD)},
	} {
		id, ok := byText[string(special.text)]
		if !ok && len(special.ids) > 0 {
			id, ok = special.ids[0], true
		}
		if ok {
			*special.id = id
		}
	}
	for _, id := range slices.Concat(ids.EOS, g.EOS) {
		if id != v.EOS && v.EOT < 0 {
			v.EOT = id
		}
	}
	first, last := t.PostProcessor.around()
	addBOS := v.BOS >= 0 && first != "" && byText[first] == v.BOS
	if c.AddBOS != nil {
		addBOS = *c.AddBOS && v.BOS >= 0
	}
	v.AddBOS = &addBOS
	switch {
	case c.AddEOS != nil:
		v.AddEOS = c.AddEOS
	case last != "" && v.EOS >= 0:
		addEOS := byText[last] == v.EOS
		v.AddEOS = &addEOS
	}
	for _, id := range []int32{v.BOS, v.EOS, v.EOT, v.UNK, v.PAD} {
		if int(id) >= len(v.Tokens) {
			return fmt.Errorf("%s: special token %d is outside the vocabulary of %d", f.dir, id, len(v.Tokens))
		}
	}
	return nil
}

// template returns the chat template: that of tokenizer_config.json, or of a file of its own.
func (f *Folder) template(text string) (string, error) {
	if text != "" {
		return text, nil
	}
	data, err := f.readText(templateFile)
	if err == nil {
		return string(data), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var old struct {
		Template templates `json:"chat_template"`
	}
	err = f.readOptional(oldTemplateFile, &old)
	return string(old.Template), err
}
