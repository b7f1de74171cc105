package lesson

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// What a text says in everyday words, and in those of the field, that have their counterpart in the other language. In a
// block, one language may say one of them more often (where the other has a pronoun); but neither has it another one of the
// same row in its place, nor are those of a row in another sequence. What has many meanings (get, as, ficar, dar) is not here.

// A term is the words that say a value in each language. What ends with an asterisk is any word that begins so; several
// words in a row come before one of them.
type term struct{ value, english, portuguese string }

// glossary has a row for each set of words that could stand in each other's place.
var glossary = [][]term{
	{
		{"clear", "in clear|clear text|readable", "em claro|texto claro|às claras|legível|legíveis"},
		{"encrypted", "encrypt*|ciphertext*|under a key|under the key|under that key|unreadable", "cifra|cifram|cifrar|cifrá|cifre|cifrem|cifrou|cifrada|cifradas|cifrado|cifrados|cifrando|criptografad*|sob uma chave|sob a chave|sob essa chave|ilegível|ilegíveis"},
		{"decrypted", "decrypt*", "decifra*|decifrou"},
		{"signed", "signs|signed|sign|signing", "assina|assinam|assinou|assinar|assinado|assinada|assinados|assinadas|assinaram"},
	},
	{
		{"same", "same|equal|identical|alike", "mesmo|mesma|mesmos|mesmas|igual|iguais|idêntic*"},
		{"other", "different|differently|differ|differs|other|others|another", "diferente|diferentes|difere|diferem|outro|outra|outros|outras"},
		{"own", "own", "próprio|própria|próprios|próprias|ele mesmo|si mesmo|por conta própria"},
		{"anyway", "all the same|anyway", "mesmo assim|de qualquer modo|ainda assim|dá na mesma"},
	},
	{
		{"send", "send|sends|sent|sending|sender|senders", "envia*|enviou|envie|enviem|envio|remetente|devolve|devolvem|devolvido|devolver"},
		{"receive", "receive*|receiving", "receb*"},
		{"lose", "lose|loses|lost", "perd*"},
		{"store", "store|stores|stored|keep|keeps|kept", "guard*|armazen*|mantém|manteve"},
		{"refuse", "refus*|reject*", "recus*|rejeit*"},
		{"accept", "accept*", "accept|aceit*"},
		{"changed", "change|changes|changed|changing|alter|altered|alters|invert|inverts|inverted", "altera|alteram|alterar|alterou|alterado|alterada|alterados|alteradas|altere|alterá|alteração|alterações|alterasse|muda|mudam|mudou|mudar|mudaram|mudança|mudanças|inverte|invertem|inverteu|inverter|invertido|invertida"},
		{"add", "add|adds|added", "adicion*"},
		{"delete", "delete|deletes|deleted", "apag*"},
		{"unchanged", "unchanged|unaltered|as it was|as it is|as they are|as they came|untouched|intact", "inalterad*|sem alteração|como foi|como está|como estão|como vieram|intact*"},
		{"read", "read|reads|reading", "lê|leem|lia|leu|leram|ler|lido|lida|lidos|lidas|lendo|leia"},
		{"write", "write|writes|wrote|written|writing", "escrev*|escrito|escrita|escritos|escritas"},
		{"repeat", "repeat*", "repet*"},
		{"cut", "cut|cuts", "cort*"},
		{"ignore", "ignore|ignores|ignored", "ignora|ignoram|ignorou"},
		{"offer", "offer|offers|offered", "oferec*"},
		{"choose", "choose|chooses|chose|chosen", "escolh*"},
		{"prove", "prove|proves|proved|proven", "prova|provam|provar|provou|provado"},
		{"compute", "compute*", "calcul*"},
		{"trust", "trust|trusts|trusted", "confia|confiam|confie|confiar|confiança|confiável"},
	},
	{
		{"on", "is on|switched on", "ligad*"},
		{"off", "is off|switched off", "desligad*"},
	},
	{
		{"lock", "lock|locks|locked", "trava|travam|travar|travou|travado|travada"},
		{"unlock", "unlock|unlocks|unlocked", "destrava*"},
	},
	{
		{"request", "request|requests", "pedido|pedidos"},
		{"answer", "answer|answers|answered|answering|reply|replies", "resposta|respostas|respond*"},
		{"command", "command|commands", "comando|comandos"},
		{"login", "login|logins|log in|logs in", "login|logins"},
		{"goodbye", "goodbye|goodbyes", "despedida|despedidas"},
		{"alert", "alert|alerts", "alerta|alertas"},
	},
	{
		{"begin", "begin|begins|began|begun|beginning|start|starts|started", "começ*|início|inici*"},
		{"restart", "restart|restarts|restarted", "reinici*"},
		{"end", "end|ends|ended|ending|is over|are over|be over|was over", "fim|final|termin*|acab*|encerr*"},
		{"middle", "middle", "meio"},
	},
	{
		{"left", "on the left|on its left|the left|from the left|left one|left column", "esquerda"},
		{"right", "on the right|on its right|from the right|to the right|right column|right one", "direita"},
	},
	{
		{"above", "above|top", "acima|alto|topo"},
		{"below", "below|beneath|bottom", "abaixo|embaixo"},
		{"beside", "beside|next to", "ao lado"},
	},
	{
		{"empty", "empty", "vazi*"},
		{"full", "full|whole", "chei*|inteir*"},
	},
	{
		{"open", "open|opens|opened|opening", "abre|abrem|abrir|abriu|aberto|aberta|abertos|abertas|abra"},
		{"close", "close|closes|closed|closing|seal|seals|sealed", "fecha|fecham|fechar|fechou|fechado|fechada|fechadas|fechados"},
	},
	{
		{"good", "good|valid|honest", "bom|boa|bons|boas|válid*|honest*"},
		{"bad", "bad|invalid", "ruim|ruins|mau|má|maus|más|inválid*"},
		{"true", "true|right|correct|real|really", "verdade|verdadeir*|certo|certa|certos|certas|corret*"},
		{"false", "false|falsely|wrong|wrongly", "fals*|errado|errada|errados|erradas"},
	},
	{
		{"public", "public", "públic*"},
		{"private", "private", "privad*"},
		{"shared", "shared", "compartilhad*"},
	},
	{
		{"old", "old|older|oldest", "velh*|antig*"},
		{"new", "new|newly|anew|fresh", "nov*"},
	},
	{
		{"only", "only|alone", "só|somente|apenas|sozinho|sozinha"},
		{"all", "all|every|each|everyone|everything|everybody", "todo|toda|todos|todas|tudo|cada|quase tudo"},
		{"also", "also|as well", "também"},
		{"some", "some|several", "alguns|algumas|vários|várias"},
	},
	{
		{"always", "always|each time|every time", "sempre|cada vez|toda vez"},
		{"never", "never", "nunca|jamais"},
		{"often", "often|usually|sometimes", "muitas vezes|às vezes"},
	},
	{
		{"short", "short|shorter|small|smaller", "curt*|pequen*|menor|menores"},
		{"long", "long|longer|large|larger", "longo|longa|longos|longas|grande|grandes|maior|maiores|comprid*"},
	},
	{
		{"random bytes", "random bytes", "bytes aleatórios"},
		{"ciphertext", "ciphertext|ciphertexts", "texto cifrado|textos cifrados"},
		{"handshake message", "handshake message|handshake messages|message of the handshake|messages of the handshake", "mensagem do handshake|mensagens do handshake"},
		{"error message", "error message|error messages", "mensagem de erro|mensagens de erro"},
		{"cipher suite", "cipher suite|cipher suites", "suíte de cifras|suítes de cifras"},
		{"transcript hash", "transcript hash|hash of the transcript", "hash da transcrição"},
		{"key", "key|keys", "chave|chaves|tecla|teclas"},
		{"secret", "secret|secrets", "segredo|segredos"},
		{"certificate", "certificate|certificates", "certificado|certificados"},
		{"signature", "signature|signatures", "assinatura|assinaturas"},
		{"hash", "hash|hashes", "hash|hashes"},
		{"name", "name|names", "nome|nomes"},
		{"authority", "authority|authorities", "autoridade|autoridades"},
		{"token", "token|tokens", "token|tokens"},
		{"text", "text|texts", "texto|textos"},
		{"letter", "letter|letters", "letra|letras"},
		{"digit", "digit|digits", "dígito|dígitos|algarismo|algarismos"},
		{"byte", "byte|bytes", "byte|bytes"},
		{"bit", "bit|bits", "bit|bits"},
		{"block", "block|blocks", "bloco|blocos"},
		{"record", "record|records", "registro|registros"},
		{"message", "message|messages", "mensagem|mensagens"},
		{"connection", "connection|connections", "conexão|conexões"},
		{"session", "session|sessions", "sessão|sessões"},
		{"handshake", "handshake|handshakes", "handshake|handshakes"},
		{"error", "error|errors", "erro|erros"},
		{"extension", "extension|extensions", "extensão|extensões"},
		{"suite", "suite|suites", "suíte|suítes"},
		{"group", "group|groups", "grupo|grupos"},
		{"field", "field|fields", "campo|campos"},
		{"transcript", "transcript|transcripts", "transcrição|transcrições"},
		{"balance", "balance|balances", "saldo|saldos"},
		{"port", "port|ports", "porta|portas"},
		{"address", "address|addresses", "endereço|endereços"},
		{"program", "program|programs", "programa|programas"},
		{"wire", "wire", "fio"},
		{"file", "file|files", "arquivo|arquivos"},
		{"iv", "iv", "iv"},
		{"password", "password|passwords", "senha|senhas"},
		{"lab", "lab", "laboratório"},
		{"issuer", "issuer", "emissor|issuer"},
		{"subject", "the subject|holder", "titular"},
		{"topic", "the subject of later", "assunto"},
		{"line feed", "line feed|line feeds", "line feed|quebra de linha|quebras de linha"},
		{"carriage return", "carriage return|carriage returns", "carriage return|retorno de carro"},
		{"cookie", "cookie|cookies", "cookie|cookies"},
		{"machine", "machine|machines", "máquina|máquinas|computador|computadores"},
		{"list", "list|lists", "lista|listas"},
		{"price", "price|prices", "preço|preços"},
		{"thread", "thread|threads", "thread|threads"},
		{"line", "line|lines|row|rows", "linha|linhas"},
		{"socket", "socket|sockets", "socket|sockets"},
		{"stream", "stream|streams", "fluxo|fluxos|fluxo de bytes"},
		{"ticket", "ticket|tickets", "tíquete|tíquetes"},
		{"binder", "binder|binders", "binder|binders"},
		{"chain", "chain|chains", "cadeia|cadeias"},
		{"clock", "clock|clocks", "relógio|relógios"},
		{"reason", "reason|reasons", "motivo|motivos"},
		{"code", "code|codes", "código|códigos"},
		{"column", "column|columns", "coluna|colunas"},
		{"label", "label|labels", "rótulo|rótulos"},
		{"product", "product|products", "produto|produtos"},
		{"limit", "limit|limits", "limite|limites"},
		{"capital", "capital|capitals", "maiúscul*"},
		{"small letter", "small letter|small letters", "minúscul*"},
		{"tcp", "tcp", "tcp"},
		{"udp", "udp", "udp"},
		{"ascii", "ascii", "ascii"},
		{"utf", "utf", "utf"},
		{"content", "content|contents", "conteúdo|conteúdos"},
		{"time", "the time|the times", "hora|horas"},
		{"microsecond", "microsecond|microseconds", "microssegundo|microssegundos"},
		{"minute", "minute|minutes", "minuto|minutos"},
		{"random", "random|randoms|at random", "ao acaso|random|randoms|aleatório|aleatória|aleatórios|aleatórias"},
		{"number", "number|numbers", "número|números"},
	},
	{
		{"know", "know|knows|knew|known", "sabe|sabem|saber|sabia|sabendo|soube|conhece|conhecem|conhecido|conhecida|conhecer"},
		{"notice", "notice|notices|noticed|unnoticed", "perceb*"},
		{"guess", "guess|guesses|guessed", "adivinh*|palpite"},
		{"wait", "wait|waits|waited|waiting", "espera|esperam|esperar|esperou|esperasse"},
		{"check", "check|checks|checked", "confere|conferem|conferir|conferiu|conferido|conferida|confira|confiram|verific*"},
	},
	{
		{"earlier", "earlier|previous", "anterior|anteriores|mais cedo"},
		{"next", "next|following", "próxim*|seguinte|seguintes"},
		{"later", "later", "posterior|posteriores|mais tarde|adiante"},
	},
	{
		{"up", "go up|upwards", "sobe|sobem|suba|subir|para cima"},
		{"down", "go down|downwards", "desce|descem|desça|descer|para baixo"},
	},
	{
		{"arrive", "arrive*|reach|reaches|reached", "chega|chegam|chegou|chegaram|chegar|chegado|chegarem|chegue|chegasse"},
	},
	{
		{"must", "must|has to|have to|had to|should|need|needs|needed", "deve|devem|devia|tem de|têm de|teria de|tem que|têm que|precisa|precisam"},
		{"can", "can|could|may|might|able|perhaps|cannot|must not|should not", "pode|podem|podia|podiam|poderia|poderiam|consegue|conseguem|conseguiu|conseguir|conseguiria|capaz|talvez|não deve|não devem"},
	},
	{
		{"hide", "hide|hides|hid|hidden|hiding", "escond*|ocult*"},
		{"show", "show|shows|shown|showed|reveal|reveals", "mostra|mostram|mostrar|mostrou|mostrado|revela|revelam|revelou"},
	},
	{
		{"inside", "inside", "dentro"},
		{"outside", "outside", "fora"},
	},
	{
		{"early", "early", "cedo"},
		{"late", "late", "tarde"},
	},
	{
		{"issue", "issue|issues|issued", "emit*"},
		{"hold", "hold|holds|held", "possui|possuem|detém"},
	},
	{
		{"missing", "missing|lack|lacks", "falta|faltam|faltou"},
		{"remain", "remain|remains|remained", "sobra|sobram|sobrou|resta|restam"},
	},
	{
		{"add up", "addition|by adding", "adição|soma"},
		{"exclusive or", "exclusive or", "ou exclusivo"},
	},
	{
		{"better", "better|best", "melhor|melhores"},
		{"worse", "worse|worst", "pior|piores"},
	},
}

// A lookup finds the terms of one language.
type lookup struct {
	words   map[string]spot // whole words, and words in a row
	stems   map[string]spot // what words begin with
	lengths []int           // of the stems, the longest first
	inARow  int             // how many words at most
}

// A spot is where a term stands in the glossary.
type spot struct{ row, term int }

var inEnglish, inPortuguese = sync.OnceValue(func() *lookup { return lookupOf(func(t term) string { return t.english }) }),
	sync.OnceValue(func() *lookup { return lookupOf(func(t term) string { return t.portuguese }) })

func lookupOf(language func(term) string) *lookup {
	l := &lookup{words: make(map[string]spot), stems: make(map[string]spot)}
	for row, terms := range glossary {
		for i, t := range terms {
			for words := range strings.SplitSeq(language(t), "|") {
				if stem, ok := strings.CutSuffix(words, "*"); ok {
					l.stems[stem] = spot{row, i}
					l.lengths = append(l.lengths, len(stem))
					continue
				}
				l.words[words] = spot{row, i}
				l.inARow = max(l.inARow, strings.Count(words, " ")+1)
			}
		}
	}
	slices.Sort(l.lengths)
	l.lengths = slices.Compact(l.lengths)
	slices.Reverse(l.lengths)
	return l
}

// A saidTerm is a term as a text says it.
type saidTerm struct {
	spot
	text string
}

var (
	// wordOrStop is a word, or what stands between two; wholeOrStop has those whole that are joined by a hyphen.
	wordOrStop  = regexp.MustCompile(`[\pL_]+|[^\pL_\s]`)
	wholeOrStop = regexp.MustCompile(`[\pL_-]+|[^\pL_\s]`)

	clauseEnds = []string{".", ",", ":", ";", "!", "?", "(", ")", "…", "and", "or", "but", "e", "ou", "mas"}
)

// terms returns the terms of a text, in their order.
func (l *lookup) terms(text string) (all []saidTerm) {
	words := wordOrStop.FindAllString(strings.ToLower(text), -1)
	for i := 0; i < len(words); {
		at, n, ok := l.first(words[i:])
		if ok {
			all = append(all, saidTerm{at, strings.Join(words[i:i+n], " ")})
		}
		i += n
	}
	return all
}

// first finds the term with which words begin, and how many of them say it.
func (l *lookup) first(words []string) (at spot, n int, ok bool) {
	for n = min(l.inARow, len(words)); n > 0; n-- {
		if at, ok = l.words[strings.Join(words[:n], " ")]; ok {
			return at, n, true
		}
	}
	for _, length := range l.lengths {
		if len(words[0]) >= length {
			if at, ok = l.stems[words[0][:length]]; ok {
				break
			}
		}
	}
	return at, 1, ok
}

// denials is how often a text says that something is not so. In Portuguese nada, nenhum, ninguém and nunca say it once
// more behind another such word of their clause.
func denials(text string, portuguese bool) (n int) {
	said := false
	for _, word := range wholeOrStop.FindAllString(strings.ToLower(unless.ReplaceAllString(text, " ")), -1) {
		switch {
		case slices.Contains(again, word) && portuguese:
			if !said {
				n++
			}
			said = true
		case slices.Contains(denying[portuguese], word):
			n, said = n+1, true
		case slices.Contains(clauseEnds, word):
			said = false
		}
	}
	return n
}

var (
	// unless is what only one of the languages says with not.
	unless = regexp.MustCompile(`(?i)\ba não ser\b|\bque não est[ea]\b`)

	denying = map[bool][]string{
		false: {"not", "cannot", "none", "nothing", "nobody", "nowhere", "never", "neither", "nor", "no", "without", "unnoticed"},
		true:  {"não", "nem", "sem", "nobody"},
	}
)
