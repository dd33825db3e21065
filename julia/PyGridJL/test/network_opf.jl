# The five-bus case of PowerModels' own test suite (J. F. Li, R. Bo), per unit on 100 MVA.
function five_buses()
    bus = [
        0.9 1.1 0.0 0.0 0.0 0.0 230.0 0.0
        0.9 1.1 3.0 0.9861 0.0 0.0 230.0 0.0
        0.9 1.1 3.0 0.9861 0.0 0.0 230.0 0.0
        0.9 1.1 4.0 1.3147 0.0 0.0 230.0 1.0
        0.9 1.1 0.0 0.0 0.0 0.0 230.0 0.0
    ]
    angle = deg2rad(30)
    line(from, to, r, x, b, rating) = [from to r x b 1.0 0.0 rating -angle angle]
    branch = [
        line(1, 2, 0.00281, 0.0281, 0.00712, 4.0)
        line(1, 4, 0.00304, 0.0304, 0.00658, 4.26)
        line(1, 5, 0.00064, 0.0064, 0.03126, 4.26)
        line(2, 3, 0.00108, 0.0108, 0.01852, 4.26)
        line(3, 4, 0.00297, 0.0297, 0.00674, 4.26)
        line(4, 5, 0.00297, 0.0297, 0.00674, 2.4)
    ]
    unit(at, p, q, cost) = [at 0.0 p -q q Inf 0.0 100cost 0.0]
    generator = [
        unit(1, 0.4, 0.3, 14.0)
        unit(1, 1.7, 1.275, 15.0)
        unit(3, 5.2, 3.9, 30.0)
        unit(4, 2.0, 1.5, 40.0)
        unit(5, 6.0, 4.5, 10.0)
    ]
    return (100.0, bus, branch, generator)
end

@testset "network opf" begin
    base, bus, branch, generator = five_buses()
    # PGLib's case5_pjm has exactly these data: AC 17551.89, SOC gap 14.55 %.
    ac = PyGridJL.network_opf(base, bus, branch, generator, "acp")
    @test ac.status == "feasible"
    @test ac.objective ≈ 17551.89 rtol = 1e-5
    @test isnan(ac.bound)
    @test sum(ac.pg) ≈ sum(bus[:, 3]) + sum(ac.flows[[1, 3], :]) rtol = 1e-6
    soc = PyGridJL.network_opf(base, bus, branch, generator, "soc")
    @test soc.status == "optimal"
    @test 1 - soc.objective / ac.objective ≈ 0.1455 atol = 2e-4
    for name in ("soc", "sdp", "qc", "dc")
        answer = PyGridJL.network_opf(base, bus, branch, generator, name)
        @test answer.status in ("optimal", "feasible")
        name == "dc" || @test answer.objective <= ac.objective * (1 + 1e-6)
        isnan(answer.bound) || @test answer.bound <= ac.objective
    end
    heavy = copy(bus)
    heavy[:, 3] .*= 10
    @test PyGridJL.network_opf(base, heavy, branch, generator, "soc").status == "infeasible"
    @test PyGridJL.network_opf(base, heavy, branch, generator, "acp").status == "not_found"
    @test PyGridJL.network_opf(base, bus, branch, generator, "acp", nothing, 1e-4).status == "time_limit"
    @test_throws InvalidArgument PyGridJL.network_opf(base, bus, branch, generator, "ac")
end
